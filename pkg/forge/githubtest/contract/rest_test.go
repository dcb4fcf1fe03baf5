package contract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// violation is one way in which an exchange is not what the description says. It
// names no values, so that the same mistake is the same violation each time.
type violation struct {
	operation string // GET /repos/{owner}/{repo}, or GraphQL
	side      string // request, or answer and its status
	at        string // where in the body; * is any item of a list
	problem   string
}

func (v violation) String() string {
	text := v.operation + ", " + v.side
	if v.at != "" {
		text += ", " + v.at
	}
	return text + ": " + v.problem
}

// examination collects the violations of one side of one exchange.
type examination struct {
	operation, side string
	found           []violation
}

func (x *examination) add(at, problem string) {
	x.found = append(x.found, violation{x.operation, x.side, at, problem})
}

// fromPawl says whether pawl sent the request, and not a test by itself.
func fromPawl(e githubtest.Exchange) bool {
	return strings.HasPrefix(e.RequestHeader.Get("User-Agent"), "pawl")
}

// check compares a REST exchange. What pawl sends must be as described. What a
// test sends by itself may be wrong on purpose, but then the answer must be a
// refusal: whatever githubtest accepts has to be described, too.
func (d description) check(e githubtest.Exchange) []violation {
	o, values, err := d.find(e.Method, e.Path)
	if err != nil {
		if e.Status == http.StatusNotFound && !fromPawl(e) {
			return nil
		}
		return []violation{{e.Method + " " + e.Path, "request", "", err.Error()}}
	}
	var found []violation
	if fromPawl(e) || e.Status < 400 {
		found = o.checkRequest(e, values)
	}
	if e.Status != 0 {
		found = append(found, d.checkAnswer(o, e)...)
	}
	return found
}

func (o operation) checkRequest(e githubtest.Exchange, values map[string]string) []violation {
	x := &examination{operation: o.String(), side: "request"}
	query, err := url.ParseQuery(e.Query)
	if err != nil {
		x.add("", "the query is malformed")
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if fromPawl(e) && o.spec.Parameters.GetByInAndName(openapi3.ParameterInQuery, key) == nil {
			x.add("?"+key, "a query parameter that the operation does not have")
		}
	}
	input := &openapi3filter.RequestValidationInput{
		Request:     &http.Request{Method: e.Method, URL: &url.URL{Path: "/", RawQuery: e.Query}, Header: http.Header{}},
		PathParams:  values,
		QueryParams: query,
		Options:     &openapi3filter.Options{SkipSettingDefaults: true},
	}
	for _, p := range o.spec.Parameters {
		if p.Value.In != openapi3.ParameterInPath && p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		if err := openapi3filter.ValidateParameter(context.Background(), input, p.Value); err != nil {
			x.add(p.Value.In+" "+p.Value.Name, err.Error())
		}
	}
	o.checkRequestBody(x, e)
	return x.found
}

func (o operation) checkRequestBody(x *examination, e githubtest.Exchange) {
	described := o.spec.RequestBody
	switch {
	case len(e.RequestBody) == 0 && described != nil && described.Value.Required:
		x.add("", "a body is required")
	case len(e.RequestBody) == 0:
	case described == nil:
		x.add("", "a body, and the operation takes none")
	default:
		media := x.mediaType(e.RequestHeader)
		x.content(described.Value.Content[media], media, e.RequestBody, openapi3.VisitAsRequest(), fromPawl(e))
	}
}

func (d description) checkAnswer(o operation, e githubtest.Exchange) []violation {
	x := &examination{operation: o.String(), side: fmt.Sprintf("answer %d", e.Status)}
	described := o.spec.Responses.Status(e.Status)
	if described == nil {
		x.add("", unlisted)
	}
	switch {
	case e.Status == http.StatusNoContent || e.Status == http.StatusNotModified:
		if len(e.ResponseBody) > 0 {
			x.add("", "a body")
		}
	case described != nil && len(described.Value.Content) > 0:
		media := x.mediaType(e.ResponseHeader)
		content := described.Value.Content[media]
		// The description lists what may be asked for; what is JSON is sent as such.
		if asked := requestedType(e); media == "application/json" && described.Value.Content[asked] != nil {
			content = described.Value.Content[asked]
		}
		x.content(content, media, e.ResponseBody, openapi3.VisitAsResponse(), true)
	case e.Status == http.StatusUnprocessableEntity:
		x.json(d.invalid, e.ResponseBody, openapi3.VisitAsResponse(), true)
	case e.Status >= 300:
		x.json(d.refusal, e.ResponseBody, openapi3.VisitAsResponse(), true)
	case len(e.ResponseBody) > 0:
		x.add("", "a body, and none is described")
	}
	return x.found
}

// unlisted is the problem with a status that is not in the description of an
// operation.
const unlisted = "a status that the operation does not have"

// undescribed is the problem with a property that is not in a schema.
const undescribed = "a property that is not described"

// requestedType is the media type that was asked for, as the description spells
// it: without the version and without the +json, which mean the same [docs: media
// types].
func requestedType(e githubtest.Exchange) string {
	accept := strings.Replace(e.RequestHeader.Get("Accept"), ".v3", "", 1)
	return strings.TrimSuffix(accept, "+json")
}

func (x *examination) mediaType(header http.Header) string {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		x.add("", "a malformed Content-Type")
	}
	return media
}

// content compares a body with what is described for its media type.
func (x *examination) content(described *openapi3.MediaType, media string, body []byte, visit openapi3.SchemaValidationOption, strict bool) {
	switch {
	case described == nil || described.Schema == nil:
		x.add("", "a media type that is not described: "+media)
	case described.Schema.Value.Type.Is(openapi3.TypeString): // text, and not a JSON string
	default:
		x.json(described.Schema.Value, body, visit, strict)
	}
}

// json compares a body with a schema; strictly means that it must not have
// properties of which the schema does not speak.
func (x *examination) json(schema *openapi3.Schema, body []byte, visit openapi3.SchemaValidationOption, strict bool) {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		x.add("", "a body that is not JSON")
		return
	}
	for _, p := range problems(schema, value, visit) {
		x.add(p.at, p.text)
	}
	if !strict {
		return
	}
	for _, at := range unknown([]*openapi3.Schema{schema}, value, "") {
		x.add(at, undescribed)
	}
}
