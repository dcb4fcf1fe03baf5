package contract_test

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// problem is something in a value that its schema does not allow.
type problem struct {
	at   string // a.*.b
	text string
}

// problems compares a value with a schema: required properties, types,
// enumerations, patterns, lengths, and the formats date-time and uri.
func problems(schema *openapi3.Schema, value any, visit openapi3.SchemaValidationOption) []problem {
	err := schema.VisitJSON(value, visit, openapi3.MultiErrors(),
		openapi3.WithStringFormatValidator("uri", openapi3.NewCallbackValidator(absoluteURI)))
	return explain(err, visit)
}

func absoluteURI(text string) error {
	if u, err := url.Parse(text); err != nil || !u.IsAbs() {
		return errors.New("not an absolute URI")
	}
	return nil
}

// explain lists the single problems of an error. Where no alternative fits, those
// are the problems of the alternative that fits best.
func explain(err error, visit openapi3.SchemaValidationOption) []problem {
	var list openapi3.MultiError
	var one *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &list):
		var all []problem
		for _, inner := range list {
			all = append(all, explain(inner, visit)...)
		}
		return all
	case !errors.As(err, &one):
		return []problem{{"", err.Error()}}
	}
	at := pointer(one.JSONPointer())
	var inner []problem
	switch one.SchemaField {
	case "allOf":
		for _, part := range one.Schema.AllOf {
			inner = append(inner, problems(part.Value, one.Value, visit)...)
		}
	case "anyOf":
		for _, alternative := range one.Schema.AnyOf {
			found := problems(alternative.Value, one.Value, visit)
			if inner == nil || len(found) < len(inner) {
				inner = found
			}
		}
	}
	if len(inner) == 0 {
		return []problem{{at, one.Reason}}
	}
	for i := range inner {
		inner[i].at = join(at, inner[i].at)
	}
	return inner
}

// pointer joins the parts of a path, in which every index is the same.
func pointer(parts []string) string {
	at := ""
	for _, part := range parts {
		if strings.Trim(part, "0123456789") == "" {
			part = "*"
		}
		at = join(at, part)
	}
	return at
}

func join(at, part string) string {
	if at == "" || part == "" {
		return at + part
	}
	return at + "." + part
}

// unknown lists the properties in a value of which its schema does not speak. By
// the letter of OpenAPI they are allowed. They are reported nevertheless: a client
// must not learn to depend on what GitHub may not send, and GitHub ignores what it
// does not know in a request, which is a misspelling more often than not.
//
// The schemas are alternatives or parts; a property is known if one knows it.
func unknown(schemas []*openapi3.Schema, value any, at string) []string {
	schemas = flatten(schemas)
	switch value := value.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil {
				items = append(items, s.Items.Value)
			}
		}
		found := map[string]bool{}
		for _, item := range value {
			for _, inner := range unknown(items, item, join(at, "*")) {
				found[inner] = true
			}
		}
		return slices.Sorted(maps.Keys(found))
	case map[string]any:
		var found []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			inner, known := property(schemas, key)
			if !known {
				found = append(found, join(at, key))
				continue
			}
			found = append(found, unknown(inner, value[key], join(at, key))...)
		}
		return found
	}
	return nil
}

// property returns what schemas say about a property, and whether they know it.
// An object that is described without any properties may have all.
func property(schemas []*openapi3.Schema, key string) (inner []*openapi3.Schema, known bool) {
	for _, s := range schemas {
		extra := s.AdditionalProperties
		switch {
		case s.Properties[key] != nil:
			inner, known = append(inner, s.Properties[key].Value), true
		case extra.Schema != nil:
			inner, known = append(inner, extra.Schema.Value), true
		case extra.Has != nil:
			known = known || *extra.Has
		case len(s.Properties) == 0 && s.Type.Permits(openapi3.TypeObject) && len(s.AllOf)+len(s.AnyOf) == 0:
			known = true
		}
	}
	return inner, known
}

// flatten adds the parts and the alternatives of schemas to them.
func flatten(schemas []*openapi3.Schema) []*openapi3.Schema {
	var all []*openapi3.Schema
	for _, s := range schemas {
		all = append(all, s)
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf} {
			for _, ref := range refs {
				all = append(all, flatten([]*openapi3.Schema{ref.Value})...)
			}
		}
	}
	return all
}
