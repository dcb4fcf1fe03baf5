package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/getpawl/pawl/pkg/demo"
)

// What pawl status prints is what the schema says, in every state of the tour; what
// lacks a field, or has one of another type, is not.
func TestStatusFollowsItsSchema(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t, "status.schema.json")
	world, err := demo.Open(t.Context(), t.TempDir(), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	}()
	steps := append(terminalPictures()[0].lines, "commit production base/limits.yaml", "commit staging base/limits.yaml", "approve 2 octocat")
	states := map[string]bool{}
	for _, line := range steps {
		if line[0] == '$' {
			if _, err := command(t.Context(), world, line); err != nil {
				t.Fatal(err)
			}
		} else if err := world.Act(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		report, err := command(t.Context(), world, "$ pawl status -o json")
		if err != nil {
			t.Fatal(err)
		}
		value := parseJSON(t, report)
		if err := schema.Validate(value); err != nil {
			t.Errorf("after %q: %v", line, err)
		}
		for _, env := range value["environments"].([]any) {
			states[env.(map[string]any)["state"].(string)] = true
		}
	}
	for _, state := range []string{"up-to-date", "behind", "waiting", "ready", "diverged"} {
		if !states[state] {
			t.Errorf("no environment was %s", state)
		}
	}
	for _, bad := range []string{
		`{}`, `{"schemaVersion": 2, "repository": "a/b", "environments": [], "images": []}`,
		`{"schemaVersion": 1, "repository": "a/b", "environments": [{}], "images": []}`,
		`{"schemaVersion": 1, "repository": "a/b", "environments": [], "images": [{"image": 1, "versions": {}}]}`,
	} {
		if schema.Validate(parseJSON(t, bad)) == nil {
			t.Errorf("%s is valid", bad)
		}
	}
}

// What the scripts expect of the commands that only read, in every state of a
// repository, is what the schemas say; each command is seen in many of them.
func TestReportsFollowTheirSchemas(t *testing.T) {
	t.Parallel()
	schemas, seen := map[string]*validator.Schema{}, map[string]int{}
	for command := range reports() {
		schemas[command] = compileSchema(t, command+".schema.json")
		if schemas[command].Validate(parseJSON(t, `{"schemaVersion": 1}`)) == nil {
			t.Errorf("nothing is a valid answer of pawl %s", command)
		}
	}
	scripts, err := filepath.Glob(filepath.Join(docsRoot, "testdata/script/see_*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			name, isJSON := strings.CutSuffix(file.Name, ".json")
			command := name[strings.LastIndex(name, "-")+1:]
			if !isJSON || len(file.Data) == 0 { // refused: nothing is printed
				continue
			}
			schema, known := schemas[command]
			if !known {
				t.Errorf("%s: %s is the output of no command: call it STATE-COMMAND.json", filepath.Base(script), file.Name)
				continue
			}
			seen[command]++
			if err := schema.Validate(parseJSON(t, string(file.Data))); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(script), file.Name, err)
			}
		}
	}
	for command := range schemas {
		if seen[command] < 6 {
			t.Errorf("pawl %s is seen in %d states only", command, seen[command])
		}
	}
}

func compileSchema(t *testing.T, name string) *validator.Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(docsRoot, "docs/reference", name))
	if err != nil {
		t.Fatal(err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func parseJSON(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
