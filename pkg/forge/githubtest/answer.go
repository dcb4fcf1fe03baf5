package githubtest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// object is a JSON object.
type object = map[string]any

// response is what a handler answers with.
type response struct {
	status      int
	header      http.Header
	body        any    // marshaled as JSON
	raw         []byte // instead of body
	contentType string // of raw
}

func ok(body any) *response      { return &response{status: http.StatusOK, body: body} }
func created(body any) *response { return &response{status: http.StatusCreated, body: body} }
func noContent() *response       { return &response{status: http.StatusNoContent} }

// FieldError is one entry of the errors in a validation answer
// [docs: troubleshooting the REST API, validation failed].
type FieldError struct {
	Resource string `json:"resource,omitempty"`
	Field    string `json:"field,omitempty"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
}

// Error is a refusal, as the API words it. The methods of [Repository] return
// the same one that a request would have been answered with.
type Error struct {
	Status  int // the HTTP status
	Message string
	Errors  []FieldError
	Plain   []string // errors that are plain strings, which some endpoints answer with
	URL     string   // the documentation_url; a general one when empty
}

// Error returns the status and the message, with the first detail.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.Message)
	for _, detail := range e.Errors {
		text += fmt.Sprintf(": %s %s %s %s", detail.Resource, detail.Field, detail.Code, detail.Message)
	}
	for _, detail := range e.Plain {
		text += ": " + detail
	}
	return text
}

// invalid is a 422 with field errors.
func invalid(errs ...FieldError) *Error {
	return &Error{Status: 422, Message: "Validation Failed", Errors: errs}
}

// unprocessable is a 422 with nothing but a message.
func unprocessable(message string) *Error { return &Error{Status: 422, Message: message} }

// render turns an error into an answer. Anything that is not an *Error is a
// defect or a broken disk, which a client sees as a 500.
func render(err error) *response {
	var refusal *Error
	if !errors.As(err, &refusal) {
		refusal = &Error{Status: 500, Message: "githubtest: " + err.Error()}
	}
	documentation := refusal.URL
	if documentation == "" {
		documentation = "https://docs.github.com/rest"
	}
	body := object{
		"message": refusal.Message, "documentation_url": documentation,
		"status": strconv.Itoa(refusal.Status),
	}
	switch {
	case refusal.Errors != nil:
		body["errors"] = refusal.Errors
	case refusal.Plain != nil:
		body["errors"] = refusal.Plain
	}
	return &response{status: refusal.Status, body: body}
}

// encode returns the bytes and the content type of an answer.
func (r *response) encode() ([]byte, string) {
	if r.body == nil {
		return r.raw, r.contentType
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.body); err != nil {
		return fmt.Appendf(nil, `{"message":%q}`, "githubtest: "+err.Error()), jsonType
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), jsonType
}

const jsonType = "application/json; charset=utf-8"

// decode reads a request's JSON; GitHub answers 400 to what is not JSON
// [docs: troubleshooting the REST API, invalid JSON].
func (q *request) decode(into any) error {
	if len(bytes.TrimSpace(q.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(q.body, into); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			return unprocessable(fmt.Sprintf("Invalid request.\n\nFor 'properties/%s', nil is not a %s.", mismatch.Field, mismatch.Type))
		}
		return &Error{Status: 400, Message: "Problems parsing JSON"}
	}
	return nil
}

// missingField is GitHub's answer to a request without a required field.
func missingField(name string) *Error {
	return unprocessable(fmt.Sprintf("Invalid request.\n\n%q wasn't supplied.", name))
}

// nodeID makes a global node ID of the new form: a prefix for the type and an
// opaque rest [docs: graphql/guides/migrating-graphql-global-node-ids].
func nodeID(prefix string, id int64) string {
	raw := binary.BigEndian.AppendUint64([]byte{0x92, 0, 0xce}, uint64(id)) // ids are positive
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(raw)
}

// textOrNull is null for an empty string.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
