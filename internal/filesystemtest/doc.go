// Package filesystemtest gives a test a folder with too little room, or one
// that nobody may write. It is for tests of what a program does and says then;
// it is not for fakes of a file system: the folders are real.
//
// Both need Linux and the right to mount where the test runs as root, who may
// write anywhere. A test that cannot have its folder is skipped and says so.
package filesystemtest
