package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// loadGraphQL reads GitHub's GraphQL schema. The published one defines a few
// fields twice, which the GraphQL specification forbids and gqlparser refuses; the
// first definition is kept. Those fields are far from pawl's.
func loadGraphQL(name string) (*ast.Schema, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	document, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: name, Input: string(text)})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	for _, definition := range document.Definitions {
		seen := map[string]bool{}
		definition.Fields = slices.DeleteFunc(definition.Fields, func(f *ast.FieldDefinition) bool {
			again := seen[f.Name]
			seen[f.Name] = true
			return again
		})
	}
	schema, err := validator.ValidateSchemaDocument(document)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return schema, nil
}

// graphQLAnswer is the body of an answer with the status 200. Source: the GraphQL
// specification, section 7.1; GitHub adds a type to errors.
type graphQLAnswer struct {
	Data   map[string]any
	Errors []struct {
		Message   string
		Locations []struct{ Line, Column int }
		Path      []any
	}
}

// checkGraphQL compares a GraphQL exchange: the document and its variables with
// the schema, and the data of the answer with the selection.
func checkGraphQL(schema *ast.Schema, e githubtest.Exchange) []violation {
	x := &examination{operation: "GraphQL", side: fmt.Sprintf("answer %d", e.Status)}
	request, operation := readGraphQL(schema, e)
	if e.Status != http.StatusOK { // refused before it was read as GraphQL, or answered by a test
		if fromPawl(e) {
			x.found = request
		}
		return x.found
	}
	var answer graphQLAnswer
	if err := json.Unmarshal(e.ResponseBody, &answer); err != nil {
		x.add("", "a body that is not an answer: "+err.Error())
	}
	if fromPawl(e) || len(answer.Errors) == 0 {
		x.found = append(x.found, request...)
	}
	for _, problem := range answer.Errors {
		if problem.Message == "" {
			x.add("errors", "an error without a message")
		}
	}
	switch {
	case answer.Data == nil && len(answer.Errors) == 0:
		x.add("", "neither data nor errors")
	case answer.Data != nil && operation != nil:
		x.selection(schema, operation.SelectionSet, answer.Data, "data", len(answer.Errors) > 0)
	}
	return x.found
}

// readGraphQL compares a request, and returns its operation if it has one.
func readGraphQL(schema *ast.Schema, e githubtest.Exchange) ([]violation, *ast.OperationDefinition) {
	x := &examination{operation: "GraphQL", side: "request"}
	var request struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	if err := json.Unmarshal(e.RequestBody, &request); err != nil {
		x.add("", "a body that is not JSON")
		return x.found, nil
	}
	document, problems := gqlparser.LoadQueryWithRules(schema, request.Query, nil)
	if len(problems) > 0 {
		for _, problem := range problems {
			x.add("query", problem.Message)
		}
		return x.found, nil
	}
	operation := document.Operations.ForName(request.OperationName)
	if operation == nil {
		x.add("operationName", "no such operation")
		return x.found, nil
	}
	if _, err := validator.VariableValues(schema, operation, request.Variables); err != nil {
		x.add("variables", err.Error())
	}
	return x.found, operation
}

// selection compares an object with what was selected of it. A null that the
// schema does not allow is allowed at the top beside errors, where it stands for
// the field that failed.
func (x *examination) selection(schema *ast.Schema, set ast.SelectionSet, object map[string]any, at string, failed bool) {
	known := map[string]bool{}
	for _, f := range fields(set) {
		known[f.Alias] = true
		value, present := object[f.Alias]
		place := join(at, f.Alias)
		switch {
		case !present:
			x.add(place, "a selected field is missing")
		case value == nil && failed:
		default:
			x.typed(schema, f.Definition.Type, f.SelectionSet, value, place)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !known[key] {
			x.add(join(at, key), "a field that was not selected")
		}
	}
}

// fields lists the fields of a selection. Which fragments apply depends on the
// type of an object that may be any of several; pawl selects without fragments.
func fields(set ast.SelectionSet) []*ast.Field {
	var list []*ast.Field
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			list = append(list, s)
		case *ast.InlineFragment:
			list = append(list, fields(s.SelectionSet)...)
		case *ast.FragmentSpread:
			list = append(list, fields(s.Definition.SelectionSet)...)
		}
	}
	return list
}

// typed compares a value with the type of its field.
func (x *examination) typed(schema *ast.Schema, t *ast.Type, set ast.SelectionSet, value any, at string) {
	if value == nil {
		if t.NonNull {
			x.add(at, "null, and the type is "+t.String())
		}
		return
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			x.add(at, "not a list, and the type is "+t.String())
		}
		for _, item := range list {
			x.typed(schema, t.Elem, set, item, join(at, "*"))
		}
		return
	}
	if len(set) > 0 {
		object, ok := value.(map[string]any)
		if !ok {
			x.add(at, "not an object, and the type is "+t.String())
			return
		}
		x.selection(schema, set, object, at, false)
		return
	}
	if !leaf(schema.Types[t.NamedType], value) {
		x.add(at, fmt.Sprintf("%T, and the type is %s", value, t))
	}
}

// leaf says whether a value may be of a scalar or an enumeration. GitHub's own
// scalars, such as DateTime, are strings [docs: GraphQL scalars].
func leaf(definition *ast.Definition, value any) bool {
	text, isText := value.(string)
	if definition.Kind == ast.Enum {
		return isText && definition.EnumValues.ForName(text) != nil
	}
	switch definition.Name {
	case "Boolean":
		_, ok := value.(bool)
		return ok
	case "Int", "Float":
		_, ok := value.(float64)
		return ok
	}
	return isText
}
