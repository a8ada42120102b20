package payloadcodec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"orderflow/internal/payloadcodec"
	"orderflow/internal/payloadcodec/keyring"
)

// codec has the keys of the IDs; the first one is current. A key is made from
// its ID, so that two codecs have the same one.
func codec(t require.TestingT, ids ...string) payloadcodec.Codec {
	keys := make(map[string][]byte)
	for _, id := range ids {
		keys[id] = []byte((id + strings.Repeat("-", keyring.KeySize))[:keyring.KeySize])
	}
	ring, err := keyring.New(ids[0], keys)
	require.NoError(t, err)
	return payloadcodec.New(ring)
}

func plain(data string) *commonpb.Payload {
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
		Data:     []byte(data),
	}
}

func encode(t require.TestingT, c payloadcodec.Codec, payload *commonpb.Payload) *commonpb.Payload {
	encoded, err := c.Encode([]*commonpb.Payload{payload})
	require.NoError(t, err)
	require.Len(t, encoded, 1)
	return encoded[0]
}

func decode(c payloadcodec.Codec, payload *commonpb.Payload) (*commonpb.Payload, error) {
	decoded, err := c.Decode([]*commonpb.Payload{payload})
	if err != nil {
		return nil, err
	}
	return decoded[0], nil
}

func payloads() *rapid.Generator[*commonpb.Payload] {
	return rapid.Custom(func(t *rapid.T) *commonpb.Payload {
		return &commonpb.Payload{
			Metadata: rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Byte())).Draw(t, "metadata"),
			Data:     rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
	})
}

func TestWhatIsEncodedIsDecodedToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := codec(t, "k1")
		given := rapid.SliceOf(payloads()).Draw(t, "payloads")
		before := make([]*commonpb.Payload, len(given))
		for i, payload := range given {
			before[i] = proto.Clone(payload).(*commonpb.Payload)
		}
		encoded, err := c.Encode(given)
		require.NoError(t, err)
		require.Len(t, encoded, len(given))
		for _, payload := range encoded {
			assert.Equal(t, payloadcodec.Encoding, string(payload.GetMetadata()["encoding"]))
			assert.Equal(t, "k1", string(payload.GetMetadata()["encryption-key-id"]))
			assert.Len(t, payload.GetMetadata(), 3)
		}
		decoded, err := c.Decode(encoded)
		require.NoError(t, err)
		require.Len(t, decoded, len(given))
		for i, payload := range decoded {
			assert.True(t, proto.Equal(before[i], payload))
			assert.True(t, proto.Equal(before[i], given[i]), "the arguments are not changed")
		}
	})
}

func TestNothingOfAPayloadShowsInItsCipherText(t *testing.T) {
	c := codec(t, "k1")
	data := strings.Repeat("Ada Lovelace, 12 St James's Square", 10)
	first, second := encode(t, c, plain(data)), encode(t, c, plain(data))
	for _, part := range []string{"Ada", "Lovelace", "Square", "json/plain"} {
		assert.NotContains(t, first.String(), part)
		assert.False(t, bytes.Contains(first.GetData(), []byte(part)))
	}
	assert.NotEqual(t, first.GetData(), second.GetData(), "each has a nonce of its own")

	overhead := proto.Size(first) - proto.Size(plain(data))
	assert.LessOrEqual(t, overhead, 150, "bytes that encryption adds to a payload")
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	c := codec(t, "k1", "k2")
	encoded := encode(t, c, plain(`"tea"`))
	for i := range encoded.GetData() { // nonce, cipher text and tag
		for bit := range 8 {
			changed := proto.Clone(encoded).(*commonpb.Payload)
			changed.Data[i] ^= 1 << bit
			_, err := decode(c, changed)
			require.ErrorIs(t, err, payloadcodec.ErrDamaged, "byte %d", i)
		}
	}
	for length := range encoded.GetData() {
		changed := proto.Clone(encoded).(*commonpb.Payload)
		changed.Data = changed.GetData()[:length]
		_, err := decode(c, changed)
		require.ErrorIs(t, err, payloadcodec.ErrDamaged, "cut to %d bytes", length)
	}
	longer := proto.Clone(encoded).(*commonpb.Payload)
	longer.Data = append(longer.Data, 0)
	_, err := decode(c, longer)
	require.ErrorIs(t, err, payloadcodec.ErrDamaged)
}

func TestTheKeyAndTheVersionCannotBeExchanged(t *testing.T) {
	// Two IDs of one key: only the associated data tells them apart.
	same := []byte(strings.Repeat("k", keyring.KeySize))
	ring, err := keyring.New("k1", map[string][]byte{"k1": same, "k2": same})
	require.NoError(t, err)
	c := payloadcodec.New(ring)
	for name, value := range map[string]string{
		"encryption-key-id":  "k2",
		"encryption-version": "2",
	} {
		changed := encode(t, c, plain(`"tea"`))
		changed.Metadata[name] = []byte(value)
		_, err := decode(c, changed)
		require.ErrorIs(t, err, payloadcodec.ErrDamaged, name)
	}
}

func TestARotationReadsWhatTheOldKeyWrote(t *testing.T) {
	before, during, after := codec(t, "k1"), codec(t, "k2", "k1"), codec(t, "k2")
	old := encode(t, before, plain(`"tea"`))

	read, err := decode(during, old)
	require.NoError(t, err)
	assert.Equal(t, `"tea"`, string(read.GetData()))
	fresh := encode(t, during, plain(`"cup"`))
	assert.Equal(t, "k2", string(fresh.GetMetadata()["encryption-key-id"]))

	_, err = decode(after, fresh)
	require.NoError(t, err)
	_, err = decode(after, old)
	var missing *payloadcodec.UnknownKeyError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "k1", missing.KeyID)
}

func TestAnUnknownKeyIsNamed(t *testing.T) {
	encoded := encode(t, codec(t, "k1"), plain(`"tea"`))
	for name, c := range map[string]payloadcodec.Codec{"another key": codec(t, "k2"), "switched off": {}} {
		_, err := decode(c, encoded)
		var missing *payloadcodec.UnknownKeyError
		require.ErrorAs(t, err, &missing, name)
		require.ErrorContains(t, err, "decrypting payload 0: a payload is encrypted with the key k1", name)
	}
}

// Orders that run while encryption is switched on have clear payloads.
func TestForeignPayloadsPassUntouched(t *testing.T) {
	given := []*commonpb.Payload{
		plain(`"tea"`), {}, {Data: []byte{1, 2}}, nil,
		{Metadata: map[string][]byte{"encoding": []byte("binary/zlib")}, Data: []byte("x")},
		{Metadata: map[string][]byte{"encoding": []byte("binary/null")}},
	}
	for _, c := range []payloadcodec.Codec{codec(t, "k1"), {}} {
		decoded, err := c.Decode(given)
		require.NoError(t, err)
		assert.Equal(t, given, decoded)
	}
	mixed := append([]*commonpb.Payload{encode(t, codec(t, "k1"), plain(`"cup"`))}, given...)
	decoded, err := codec(t, "k1").Decode(mixed)
	require.NoError(t, err)
	assert.Equal(t, `"cup"`, string(decoded[0].GetData()))
	assert.Equal(t, given, decoded[1:])
}

func TestAPayloadOfAnotherCodecIsNotTakenForOurs(t *testing.T) {
	for name, metadata := range map[string]map[string][]byte{
		"no version":   {"encryption-key-id": []byte("k1")},
		"no key":       {"encryption-version": []byte("1")},
		"a hostile ID": {"encryption-version": []byte("1"), "encryption-key-id": []byte("k1\nforged: log line")},
	} {
		metadata["encoding"] = []byte(payloadcodec.Encoding)
		_, err := decode(codec(t, "k1"), &commonpb.Payload{Metadata: metadata, Data: make([]byte, 100)})
		require.ErrorIs(t, err, payloadcodec.ErrDamaged, name)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestSwitchedOffNothingIsEncrypted(t *testing.T) {
	off, err := payloadcodec.Open("")
	require.NoError(t, err)
	assert.False(t, off.On())
	given := []*commonpb.Payload{plain(`"tea"`)}
	encoded, err := off.Encode(given)
	require.NoError(t, err)
	assert.Equal(t, given, encoded)
}

func FuzzDecode(f *testing.F) {
	c := codec(f, "k1")
	good := encode(f, c, plain(`"tea"`))
	f.Add(good.GetMetadata()["encoding"], good.GetMetadata()["encryption-version"], good.GetMetadata()["encryption-key-id"], good.GetData())
	f.Add([]byte(payloadcodec.Encoding), []byte("1"), []byte("k2"), []byte{})
	f.Add([]byte("json/plain"), []byte(nil), []byte(nil), []byte("{}"))
	f.Fuzz(func(t *testing.T, encoding, version, key, data []byte) {
		payload := &commonpb.Payload{Data: data, Metadata: map[string][]byte{
			"encoding": encoding, "encryption-version": version, "encryption-key-id": key,
		}}
		decoded, err := decode(c, payload)
		if string(encoding) != payloadcodec.Encoding {
			require.NoError(t, err)
			require.Same(t, payload, decoded)
			return
		}
		if err == nil {
			require.True(t, proto.Equal(plain(`"tea"`), decoded), "only what the codec made can be read")
			return
		}
		var missing *payloadcodec.UnknownKeyError
		if !errors.As(err, &missing) {
			require.ErrorIs(t, err, payloadcodec.ErrDamaged)
		}
	})
}
