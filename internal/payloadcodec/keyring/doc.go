// Package keyring keeps the keys that Temporal's payloads are encrypted with:
// one current key that encrypts, and any number of others that only decrypt.
//
// The keys are in one JSON file, readable by its owner and at most its group:
//
//	{"current": "2026-11-23-9f3a", "keys": {"2026-11-23-9f3a": "<32 bytes in base64>"}}
//
// A key is replaced in steps, so that no process meets a payload whose key it
// does not have: [Add] a key and restart everything that reads the file, [Use]
// it and restart again, and [Remove] the old one when nothing that it encrypted
// is kept any more.
//
// The package knows no payloads, and it is no key management service: whoever
// can read the file has the keys. No error and no text form shows a key.
package keyring
