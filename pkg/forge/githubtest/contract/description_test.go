package contract_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// description is GitHub's OpenAPI description.
type description struct {
	operations []operation      // the most particular path first
	refusal    *openapi3.Schema // the body of a refusal
	invalid    *openapi3.Schema // the body of a 422
}

// operation is one method of one path.
type operation struct {
	method   string
	template string // /repos/{owner}/{repo}/git/ref/{ref}
	shape    *regexp.Regexp
	names    []string // of the path's parameters
	rank     []int    // how particular the path is
	spec     *openapi3.Operation
}

func (o operation) String() string { return o.method + " " + o.template }

// loadDescription reads a description and not its examples, some of which break
// their own schemas.
//
// Every oneOf becomes an anyOf, for several of GitHub's alternatives contain each
// other: an empty list in an answer of "contents" is both a directory and, as far
// as required fields go, a file; labels are an array of strings or an array of
// objects. What is lost is that no second alternative may fit. What is kept is
// that one must, with its types, enumerations and required fields.
func loadDescription(name string) (description, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return description{}, err
	}
	data = bytes.ReplaceAll(data, []byte(`"oneOf":`), []byte(`"anyOf":`)) // no schema has both
	spec, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return description{}, fmt.Errorf("reading %s: %w", name, err)
	}
	d := description{refusal: &openapi3.Schema{}, invalid: &openapi3.Schema{}}
	for schema, list := range map[string]*openapi3.SchemaRefs{
		"basic-error": &d.refusal.AllOf, "validation-error": &d.invalid.AnyOf, "validation-error-simple": &d.invalid.AnyOf,
	} {
		ref := spec.Components.Schemas[schema]
		if ref == nil {
			return description{}, fmt.Errorf("reading %s: no schema %s", name, schema)
		}
		*list = append(*list, ref)
	}
	for template, item := range spec.Paths.Map() {
		for method, spec := range item.Operations() {
			for _, inherited := range item.Parameters {
				if spec.Parameters.GetByInAndName(inherited.Value.In, inherited.Value.Name) == nil {
					spec.Parameters = append(spec.Parameters, inherited)
				}
			}
			d.operations = append(d.operations, newOperation(method, template, spec))
		}
	}
	slices.SortFunc(d.operations, particularFirst)
	return d, nil
}

func particularFirst(a, b operation) int {
	return cmp.Or(slices.Compare(b.rank, a.rank), strings.Compare(a.template, b.template))
}

var parameter = regexp.MustCompile(`\\\{([^/]+?)\\\}`) // in a quoted template

// newOperation prepares the search by path. A parameter is one segment, or
// several if the description says x-multi-segment, as of a branch's name.
func newOperation(method, template string, spec *openapi3.Operation) operation {
	o := operation{method: method, template: template, spec: spec}
	pattern := parameter.ReplaceAllStringFunc(regexp.QuoteMeta(template), func(quoted string) string {
		name := parameter.FindStringSubmatch(quoted)[1]
		o.names = append(o.names, name)
		p := spec.Parameters.GetByInAndName(openapi3.ParameterInPath, name)
		if p != nil && p.Extensions["x-multi-segment"] == true {
			return "(.+)"
		}
		return "([^/]+)"
	})
	o.shape = regexp.MustCompile("^" + pattern + "$")
	for segment := range strings.SplitSeq(template, "/") {
		o.rank = append(o.rank, 1)
		if strings.HasPrefix(segment, "{") {
			o.rank[len(o.rank)-1] = 0
		}
	}
	return o
}

// root is the path of a repository's root directory, which the description does
// not have: "If you omit the path parameter, you will receive the contents of the
// repository's root directory" [docs: get repository content].
var root = regexp.MustCompile(`^(/repos/[^/]+/[^/]+/contents)/?$`)

// byID is how a renamed repository is addressed by the redirect that its old name
// is answered with. The description has no such paths; GitHub serves all of a
// repository's there [docs: best practices for using the REST API, redirects].
var byID = regexp.MustCompile(`^/repositories/[0-9]+(/|$)`)

// find returns the operation of a request and its path parameters. The path is
// escaped and has the /api/v3 of a GitHub Enterprise Server in front.
func (d description) find(method, path string) (operation, map[string]string, error) {
	path, under := strings.CutPrefix(path, "/api/v3")
	if !under {
		return operation{}, nil, errors.New("the path is not below /api/v3")
	}
	path = byID.ReplaceAllString(path, "/repos/owner/name$1")
	path = root.ReplaceAllString(path, "$1/.")
	for _, o := range d.operations {
		if o.method != method {
			continue
		}
		found := o.shape.FindStringSubmatch(path)
		if found == nil {
			continue
		}
		values := map[string]string{}
		for i, name := range o.names {
			value, err := url.PathUnescape(found[i+1])
			if err != nil {
				return operation{}, nil, fmt.Errorf("the path is not escaped properly: %w", err)
			}
			values[name] = value
		}
		return o, values, nil
	}
	return operation{}, nil, errors.New("no such operation")
}
