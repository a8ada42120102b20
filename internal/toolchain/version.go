package toolchain

import (
	"context"
	"debug/buildinfo"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// versionTimeout bounds a program that is asked for its version.
const versionTimeout = 10 * time.Second

// hasVersion reports whether the program is exactly of the pinned version. Go
// records the module of a program that `go install` has built; a released
// program says its version when asked.
func hasVersion(ctx context.Context, path string, tool Tool, p pin) bool {
	info, err := buildinfo.ReadFile(path)
	if err == nil && info.Main.Path == p.module && info.Main.Version == p.version {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, tool.versionArgs...).Output()
	return err == nil && "v"+versionIn(string(output)) == p.version
}

var version = regexp.MustCompile(`\bv?(\d+\.\d+\.\d+[^\s(),]*)`)

// versionIn is the first version in the text, without a leading v. The others
// are those of parts: "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)".
func versionIn(text string) string {
	match := version.FindStringSubmatch(text)
	if match == nil {
		return ""
	}
	return strings.TrimSuffix(match[1], ".")
}
