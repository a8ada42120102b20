package codecapi

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	commonpb "go.temporal.io/api/common/v1"

	"orderflow/internal/httpserver"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/problem"
)

// body is Temporal's message Payloads in the JSON form of protocol buffers, in
// which bytes are base64.
type body struct {
	Payloads []payload `json:"payloads"`
}

type payload struct {
	Metadata map[string][]byte `json:"metadata,omitempty"`
	Data     []byte            `json:"data,omitempty"`
}

// convert answers with what apply makes of each payload. They are converted one
// by one, so that a refusal says which of them is meant.
func convert(apply func([]*commonpb.Payload) ([]*commonpb.Payload, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		var request body
		if err := httpserver.Bind(c, &request); err != nil {
			httpserver.Fail(c, err)
			return
		}
		answer := body{Payloads: make([]payload, len(request.Payloads))}
		for i, given := range request.Payloads {
			converted, err := apply([]*commonpb.Payload{{Metadata: given.Metadata, Data: given.Data}})
			if err != nil {
				httpserver.Fail(c, refusal(i, err))
				return
			}
			answer.Payloads[i] = payload{Metadata: converted[0].GetMetadata(), Data: converted[0].GetData()}
		}
		httpserver.Respond(c, http.StatusOK, answer)
	}
}

// refusal says why a payload cannot be converted, as far as that is no defect.
func refusal(index int, err error) error {
	pointer := "/payloads/" + strconv.Itoa(index)
	var missing *payloadcodec.UnknownKeyError
	switch {
	case errors.As(err, &missing):
		return problem.New(problem.Invalid, "a payload cannot be decrypted").
			WithField(pointer, "is encrypted with the key "+missing.KeyID+", which the gateway does not have").WithCause(err)
	case errors.Is(err, payloadcodec.ErrDamaged):
		return problem.New(problem.Invalid, "a payload cannot be decrypted").
			WithField(pointer, "is damaged, or of another codec").WithCause(err)
	default:
		return err
	}
}
