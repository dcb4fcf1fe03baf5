package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// statusSchema is the JSON Schema of what pawl status -o json prints. It allows
// further fields, since a later pawl may add some. What they mean is in outputs.md.
func statusSchema() ([]byte, error) {
	reflector := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true, AllowAdditionalProperties: true}
	schema := reflector.Reflect(&promotion.StatusReport{})
	optional(schema, reflect.TypeFor[promotion.StatusReport]())
	schema.ID = "https://raw.githubusercontent.com/getpawl/pawl/main/docs/reference/status.schema.json"
	schema.Title = "pawl status"
	schema.Properties.Set("schemaVersion", &jsonschema.Schema{Const: output.SchemaVersion})
	schema.Required = append([]string{"schemaVersion"}, schema.Required...)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return nil, fmt.Errorf("encoding the schema of pawl status: %w", err)
	}
	return out.Bytes(), nil
}

// optional corrects which fields are required: omitzero leaves one out as well.
func optional(schema *jsonschema.Schema, of reflect.Type) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		if of.Kind() == reflect.Slice && schema.Items != nil {
			schema = schema.Items
		}
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || schema.Properties == nil {
		return
	}
	for i := range of.NumField() {
		name, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		if strings.Contains(options, "omitzero") {
			schema.Required = slices.DeleteFunc(schema.Required, func(each string) bool { return each == name })
		}
		if property, ok := schema.Properties.Get(name); ok {
			optional(property, of.Field(i).Type)
		}
	}
}
