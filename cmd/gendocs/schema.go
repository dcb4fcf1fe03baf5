package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/doctor"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// reports are what the commands that only read print with -o json.
func reports() map[string]any {
	return map[string]any{
		"status": &promotion.StatusReport{}, "diff": &promotion.DiffReport{}, "history": &promotion.HistoryReport{},
		"trace": &promotion.TraceReport{}, "audit": &audit.Report{}, "doctor": &doctor.Report{},
	}
}

// reportSchemas adds a JSON Schema for each of them.
func reportSchemas(files map[string][]byte) error {
	for command, report := range reports() {
		schema, err := reportSchema(command, report)
		if err != nil {
			return err
		}
		files["docs/reference/"+command+".schema.json"] = schema
	}
	return nil
}

// reportSchema is the JSON Schema of what a command prints with -o json. It allows
// further fields, since a later pawl may add some. What they mean is in outputs.md.
func reportSchema(command string, report any) ([]byte, error) {
	reflector := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true, AllowAdditionalProperties: true}
	schema := reflector.Reflect(report)
	optional(schema, reflect.TypeOf(report))
	schema.ID = jsonschema.ID("https://raw.githubusercontent.com/getpawl/pawl/main/docs/reference/" + command + ".schema.json")
	schema.Title = "pawl " + command
	schema.Properties.Set("schemaVersion", &jsonschema.Schema{Const: output.SchemaVersion})
	schema.Required = append([]string{"schemaVersion"}, schema.Required...)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return nil, fmt.Errorf("encoding the schema of pawl %s: %w", command, err)
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
