// Package clientaddress finds out from which address a request comes when there
// may be proxies in front of the gateway. It says where a request comes from,
// never who sends it: that is the work of the credential.
package clientaddress
