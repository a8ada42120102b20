package openapitest

import (
	"encoding/json"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// Examples returns an error for the first example of a body that its own schema
// does not allow, and how many there are.
func (d *Description) Examples() (count int, err error) {
	eachMedia(d.document, func(operation, mediaType string, media *openapi3.MediaType) {
		check := func(example any) {
			count++
			if failed := checkExample(mediaType, media.Schema.Value, example); failed != nil && err == nil {
				err = fmt.Errorf("example of %s: %w", operation, failed)
			}
		}
		if media.Example != nil {
			check(media.Example)
		}
		for _, example := range media.Examples {
			check(example.Value.Value)
		}
	})
	return count, err
}

func checkExample(mediaType string, schema *openapi3.Schema, example any) error {
	body, isText := example.(string)
	if !isText {
		encoded, err := json.Marshal(example)
		if err != nil {
			return err
		}
		body = string(encoded)
	}
	return checkValue(mediaType, schema, []byte(body))
}
