package config

import _ "embed" // for the schema

//go:generate go test -run ^TestSchemaIsCurrent$ -update

//go:embed schema.json
var schema string

// SchemaID is where the JSON Schema is published. A file that names it in a
// comment, "# yaml-language-server: $schema=…", is checked by editors.
const SchemaID = "https://raw.githubusercontent.com/getpawl/pawl/main/docs/reference/config.schema.json"

// Schema returns the JSON Schema (draft 2020-12) of the file. Whatever [Parse]
// accepts is valid by it. The reverse does not hold for what a schema cannot say:
// that names, branches and repositories are unique, that all environments have
// the same paths, that a glob is well formed, and what only the YAML text shows,
// such as repeated keys, anchors and a second document.
func Schema() []byte { return []byte(schema) }
