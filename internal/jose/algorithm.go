package jose

import (
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// algorithms are those that a key may be used with, its type's usual one
// first. All are asymmetric: with a symmetric one, whoever can verify a token
// could sign one.
func algorithms(key jwk.Key) []jwa.SignatureAlgorithm {
	switch key.KeyType() {
	case jwa.RSA():
		// A key of less than 2048 bits is not parsed in the first place.
		return []jwa.SignatureAlgorithm{jwa.RS256(), jwa.RS384(), jwa.RS512(), jwa.PS256(), jwa.PS384(), jwa.PS512()}
	case jwa.EC():
		var curve jwa.EllipticCurveAlgorithm
		if key.Get(jwk.ECDSACrvKey, &curve) != nil {
			return nil
		}
		switch curve {
		case jwa.P256():
			return []jwa.SignatureAlgorithm{jwa.ES256()}
		case jwa.P384():
			return []jwa.SignatureAlgorithm{jwa.ES384()}
		case jwa.P521():
			return []jwa.SignatureAlgorithm{jwa.ES512()}
		}
	case jwa.OKP():
		var curve jwa.EllipticCurveAlgorithm
		if key.Get(jwk.OKPCrvKey, &curve) == nil && curve == jwa.Ed25519() {
			return []jwa.SignatureAlgorithm{jwa.EdDSA(), jwa.EdDSAEd25519()}
		}
	}
	return nil
}

// algorithmOf returns the one algorithm that tokens of the key are signed
// with: the one that the key names or, as many issuers name none, the usual one
// of its type. It is false for a key that signs no tokens.
func algorithmOf(key jwk.Key) (jwa.SignatureAlgorithm, bool) {
	use, said := key.KeyUsage()
	if said && use != string(jwk.ForSignature) {
		return jwa.SignatureAlgorithm{}, false
	}
	allowed := algorithms(key)
	named, said := key.Algorithm()
	if !said {
		if len(allowed) == 0 {
			return jwa.SignatureAlgorithm{}, false
		}
		return allowed[0], true
	}
	i := slices.IndexFunc(allowed, func(a jwa.SignatureAlgorithm) bool { return a.String() == named.String() })
	if i < 0 {
		return jwa.SignatureAlgorithm{}, false
	}
	return allowed[i], true
}
