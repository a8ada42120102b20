package openapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Exchange is a request and its answer, both with their whole bodies.
type Exchange struct {
	Request     *http.Request // its Body is not read
	RequestBody []byte
	Status      int
	Header      http.Header
	Body        []byte
}

// Check returns an error unless the description allows the exchange: a request
// that was taken (an answer below 300) must be one that is described, and every
// answer must be one that is described for its route. A path or method that is
// not described may only be answered 404 or 405. The lines of a request of JSON
// lines are not looked at: one that is not as described has its own outcome.
// HEAD is described with GET.
func (d *Description) Check(e Exchange) error {
	if e.Request.Method == http.MethodHead && e.Status != http.StatusMethodNotAllowed {
		e.Request = e.Request.Clone(e.Request.Context())
		e.Request.Method, e.Body = http.MethodGet, nil
	}
	route, path, err := d.router.FindRoute(e.Request)
	if isUnknown := errors.Is(err, routers.ErrPathNotFound) || errors.Is(err, routers.ErrMethodNotAllowed); isUnknown {
		return checkUnknown(e)
	}
	if err != nil {
		return fmt.Errorf("finding the route: %w", err)
	}
	if e.Status == http.StatusRequestHeaderFieldsTooLarge {
		return nil // of the whole server, before there is a route
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true,
		SkipSettingDefaults:   true,
		ExcludeRequestBody:    true, // bodies are for checkBody, which knows JSON lines
		ExcludeResponseBody:   true,
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	}
	input := &openapi3filter.RequestValidationInput{Request: e.Request, PathParams: path, Route: route, Options: options}
	if e.Status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			return fmt.Errorf("taken, but not described: %w", err)
		}
		contentType := e.Request.Header.Get("Content-Type")
		if body := route.Operation.RequestBody; body != nil && len(e.RequestBody) > 0 && !areLines(contentType) {
			if err := checkBody(body.Value.Content, contentType, e.RequestBody); err != nil {
				return fmt.Errorf("taken, but not described: %w", err)
			}
		}
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: e.Status, Header: e.Header, Options: options,
	}
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		return fmt.Errorf("answered %d: %w", e.Status, err)
	}
	response := route.Operation.Responses.Status(e.Status)
	if response == nil || len(e.Body) == 0 {
		return nil
	}
	if err := checkBody(response.Value.Content, e.Header.Get("Content-Type"), e.Body); err != nil {
		return fmt.Errorf("answered %d: %w", e.Status, err)
	}
	return nil
}

func checkUnknown(e Exchange) error {
	isPreflight := e.Request.Header.Get("Access-Control-Request-Method") != "" // answered before there is a route
	refused := []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestHeaderFieldsTooLarge}
	if !isPreflight && !slices.Contains(refused, e.Status) {
		return fmt.Errorf("answered %d on a route that is not described", e.Status)
	}
	return nil
}

// checkBody holds a body against the schema of its media type, and each line of
// JSON lines against the schema of a line.
func checkBody(content openapi3.Content, contentType string, body []byte) error {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("Content-Type %q: %w", contentType, err)
	}
	described := content[mediaType]
	if described == nil {
		return fmt.Errorf("a body of %s is not described", mediaType)
	}
	return checkValue(mediaType, described.Schema.Value, body)
}

func checkValue(mediaType string, schema *openapi3.Schema, body []byte) error {
	lines := areLines(mediaType)
	if !lines && mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	for count := 0; ; count++ {
		var value any
		err := decoder.Decode(&value)
		switch {
		case errors.Is(err, io.EOF) && (lines || count == 1):
			return nil
		case err != nil:
			return fmt.Errorf("a body of %s: %w", mediaType, err)
		case count > 0 && !lines:
			return fmt.Errorf("a body of %s with more than one value", mediaType)
		}
		if err := schema.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
			return fmt.Errorf("a body of %s: %w", mediaType, brief(err))
		}
	}
}

// areLines reports whether a body holds a JSON value on each line.
func areLines(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return mediaType == "application/jsonl" || mediaType == "application/x-ndjson"
}

// brief leaves the schema and the value out of what is wrong with a value.
func brief(err error) error {
	var wrong *openapi3.SchemaError
	if !errors.As(err, &wrong) {
		return err
	}
	return fmt.Errorf("/%s: %s", strings.Join(wrong.JSONPointer(), "/"), wrong.Reason)
}
