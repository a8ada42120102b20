package payloadcodec

import (
	"errors"
	"fmt"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"orderflow/internal/payloadcodec/keyring"
)

// Encoding is the value of the metadata "encoding" of an encrypted payload.
const Encoding = "binary/encrypted"

// Names of the metadata beside the encoding.
const (
	metadataVersion = "encryption-version"
	metadataKeyID   = "encryption-key-id"
)

// version is the form in which payloads are encrypted today.
const version = "1"

// ErrDamaged says that a payload calls itself encrypted and is not what this
// package made: truncated, changed, or of another codec. Trying again does not
// help.
var ErrDamaged = errors.New("the encrypted payload is damaged, or another codec's")

// UnknownKeyError says that the keyring lacks the key of a payload. It can be
// read as soon as the process has that key.
type UnknownKeyError struct {
	KeyID string
}

// Error names the key.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("a payload is encrypted with the key %s, which is not in this process's keyring", e.KeyID)
}

// Codec encrypts and decrypts payloads. The zero Codec is switched off: it
// encrypts nothing, and answers every encrypted payload with UnknownKeyError.
// It is safe for concurrent use.
type Codec struct {
	keys *keyring.Keyring
}

var _ converter.PayloadCodec = Codec{}

// New returns a codec on a keyring; nil switches it off.
func New(keys *keyring.Keyring) Codec { return Codec{keys: keys} }

// Open returns a codec on the keyring in the file at path; the empty path
// switches it off. An error says why the file cannot be used.
func Open(path string) (Codec, error) {
	if path == "" {
		return Codec{}, nil
	}
	keys, err := keyring.Open(path)
	if err != nil {
		return Codec{}, err
	}
	return New(keys), nil
}

// On reports whether payloads are encrypted.
func (c Codec) On() bool { return c.keys != nil }

// Encode encrypts each payload with the current key.
func (c Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.On() {
		return payloads, nil
	}
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		var err error
		if encoded[i], err = c.encrypt(payload); err != nil {
			return nil, fmt.Errorf("encrypting payload %d: %w", i, err)
		}
	}
	return encoded, nil
}

// Decode decrypts each encrypted payload and leaves every other one as it is.
// The error wraps ErrDamaged or an *UnknownKeyError, and quotes no payload.
func (c Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !slices.ContainsFunc(payloads, isEncrypted) {
		return payloads, nil
	}
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if !isEncrypted(payload) {
			decoded[i] = payload
			continue
		}
		var err error
		if decoded[i], err = c.decrypt(payload); err != nil {
			return nil, fmt.Errorf("decrypting payload %d: %w", i, err)
		}
	}
	return decoded, nil
}

func isEncrypted(payload *commonpb.Payload) bool {
	return string(payload.GetMetadata()[converter.MetadataEncoding]) == Encoding
}

func (c Codec) encrypt(payload *commonpb.Payload) (*commonpb.Payload, error) {
	plain, err := proto.Marshal(payload)
	if err != nil {
		return nil, err
	}
	id, sealer := c.keys.Current()
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(Encoding),
			metadataVersion:            []byte(version),
			metadataKeyID:              []byte(id),
		},
		Data: sealer.Seal(nil, nil, plain, associatedData(id)),
	}, nil
}

func (c Codec) decrypt(payload *commonpb.Payload) (*commonpb.Payload, error) {
	metadata := payload.GetMetadata()
	id := string(metadata[metadataKeyID])
	if string(metadata[metadataVersion]) != version || !keyring.ValidID(id) {
		return nil, ErrDamaged
	}
	if !c.On() {
		return nil, &UnknownKeyError{KeyID: id}
	}
	opener, found := c.keys.Find(id)
	if !found {
		return nil, &UnknownKeyError{KeyID: id}
	}
	plain, err := opener.Open(nil, nil, payload.GetData(), associatedData(id))
	if err != nil {
		return nil, ErrDamaged
	}
	var inner commonpb.Payload
	if err := proto.Unmarshal(plain, &inner); err != nil {
		return nil, ErrDamaged
	}
	return &inner, nil
}

// associatedData binds a cipher text to what stands beside it, so that neither
// version nor key ID can be exchanged. No ID has a zero byte in it. Metadata
// that somebody on the way may add is left out.
func associatedData(keyID string) []byte {
	return []byte(Encoding + "\x00" + version + "\x00" + keyID)
}
