// Package servicetoken proves to a service that a call comes from a process of
// this product: a JSON Web Token that lives for a
// minute, in the Authorization header of each call.
//
// Gateway and workers have a private key and sign (a [Signer]); the services
// have the public half and verify (a [Verifier]). So a service that is broken
// into can call nobody, not even itself. The token's iss is the component that
// calls, its aud the one service that it is for, its sub for whom the call is
// made, where the component says so.
//
// Signing and verifying cost more than the call itself over the loopback. Both
// sides therefore remember tokens: one serves all calls to a service for the
// same subject for half a minute. So a component names those subjects that are
// few: operators, and not every customer, who stands in the call anyway.
//
// A token says who calls, not what they may do: whether a customer may see an
// order was decided at the gateway.
package servicetoken
