// Package payloadcodec encrypts what Temporal stores of an order: inputs,
// results, memo, failures, summaries and details. The server and its database
// then hold cipher text only, and whoever reads them needs a key.
//
// A payload is encrypted as a whole, its own metadata included, with AES-256-GCM
// under a random nonce. Outside stand only the encoding, the version of this
// form and the ID of the key, all authenticated:
//
//	metadata  encoding            binary/encrypted
//	          encryption-version  1
//	          encryption-key-id   the key's ID in the keyring
//	data      nonce (12 bytes), cipher text, tag (16 bytes)
//
// Decoding leaves every other payload as it is, so that encryption can be
// switched on while orders are under way.
//
// What is not encrypted, because Temporal must read it: workflow IDs, types and
// task queues, search attributes, error types, times, and how long a payload
// is. Nothing ties a cipher text to its place in a history: whoever can write
// to Temporal's database can move one to another place, but not change it.
package payloadcodec
