package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/distribution/reference"
	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the generated files")

// What a text must not look like, in the syntax that Go and JavaScript have in
// common. The loader has a reason for each; TestSchemaAgrees holds them together.
const (
	notText    = `[\x00-\x1f\x7f]|^\s|\s$`
	notGlob    = `^!`
	notPath    = `^/|\\|/$|//|(^|/)\.\.?(/|$)|[^/]\*\*|\*\*[^/]`
	notBranch  = `[ ~^:?*\[\\]|\.\.|@\{|//|(^|/)\.|[/.]$|\.lock(/|$)|^[-/]|^(@|HEAD)$|^refs/|^pawl(/|$)`
	notKeyPath = `^\.|\.$|^[^"]*\.\.[^"]*$`
)

func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	want := generate(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(Schema())); diff != "" {
		t.Errorf("schema.json is not what the types say; run go generate ./pkg/config (-generated +embedded):\n%s", diff)
	}
}

// generate derives the schema from the types and their comments, and adds the
// rules that Go types cannot express.
func generate(t *testing.T) []byte {
	t.Helper()
	reflector := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true}
	if err := reflector.AddGoComments("github.com/getpawl/pawl/pkg/config", "./"); err != nil {
		t.Fatalf("reading the comments of the package: %v", err)
	}
	root := reflector.Reflect(&Config{})
	root.ID = SchemaID
	root.Title = "pawl configuration"
	constrain(t, root)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		t.Fatalf("encoding the schema: %v", err)
	}
	return out.Bytes()
}

func constrain(t *testing.T, root *jsonschema.Schema) {
	t.Helper()
	property(t, root, "version").Const = Version
	path := pattern{most: maxTextLength, not: []string{notText, notGlob, notPath}}

	environments := property(t, root, "environments")
	items(environments, maxEnvironments)
	environments.AllOf = []*jsonschema.Schema{{PrefixItems: []*jsonschema.Schema{withoutGates()}}}
	environment := environments.Items
	pattern{most: maxNameLength, all: []string{namePattern, letterPattern}}.apply(property(t, environment, "name"))
	pattern{most: maxBranchLength, not: []string{notText, notBranch}}.apply(property(t, environment, "branch"))
	paths := property(t, environment, "paths")
	items(paths, maxPaths)
	paths.UniqueItems = true
	paths.Default = []string{"base/**"}
	path.apply(paths.Items)

	gates := property(t, environment, "gates")
	gates.MinProperties = count(1)
	approvals := property(t, gates, "approvals")
	approvals.Minimum, approvals.Maximum, approvals.Default = "0", number(maxApprovals), 0
	constrainGates(t, gates, path)

	images := property(t, root, "images")
	items(images, maxImages)
	pattern{most: maxNameLength, all: []string{imageNamePattern}}.apply(property(t, images.Items, "name"))
	pattern{most: maxTextLength, all: []string{"^" + reference.NameRegexp.String() + "$"}}.
		apply(property(t, images.Items, "repository"))
	pattern{most: maxTextLength, all: []string{sourcePattern}}.apply(property(t, images.Items, "source"))
	fields := property(t, images.Items, "fields")
	items(fields, maxFields)
	path.apply(property(t, fields.Items, "file"))
	pattern{most: maxTextLength, not: []string{notText, notKeyPath}}.apply(property(t, fields.Items, "path"))
}

func constrainGates(t *testing.T, gates *jsonschema.Schema, path pattern) {
	t.Helper()
	name := pattern{most: maxTextLength, not: []string{notText, notGlob}}
	account := pattern{most: maxNameLength, all: []string{accountPattern}}
	checks := property(t, gates, "checks")
	items(checks, maxChecks)
	checks.UniqueItems = true
	pinned := checks.Items
	pinned.Required = []string{"name", "app"}
	name.apply(property(t, pinned, "name"))
	account.apply(property(t, pinned, "app"))
	plain := &jsonschema.Schema{Type: "string"}
	name.apply(plain)
	checks.Items = &jsonschema.Schema{OneOf: []*jsonschema.Schema{plain, pinned}}

	accept := property(t, gates, "accept")
	items(accept, len(acceptable()))
	accept.UniqueItems = true
	accept.Items.Enum = []any{"neutral", "skipped"}
	for _, name := range []string{"missingTimeout", "soak"} {
		duration := property(t, gates, name)
		duration.Type = "string"
		pattern{most: maxNameLength, all: []string{durationPattern}}.apply(duration)
	}
	bots := property(t, gates, "botApprovers")
	items(bots, maxBots)
	bots.UniqueItems = true
	account.apply(bots.Items)

	freeze := property(t, gates, "freeze")
	items(freeze, maxFreezes)
	moment := pattern{most: maxNameLength, all: []string{momentPattern}}
	moment.apply(property(t, freeze.Items, "from"))
	moment.apply(property(t, freeze.Items, "to"))
	pattern{most: maxNameLength, all: []string{zonePattern}}.apply(property(t, freeze.Items, "zone"))
	pattern{most: maxTextLength, not: []string{notText}}.apply(property(t, freeze.Items, "reason"))

	allow := property(t, property(t, gates, "changes"), "allow")
	items(allow, maxPaths)
	allow.UniqueItems = true
	path.apply(allow.Items)
	secrets := property(t, gates, "secrets")
	secrets.Enum = []any{"on", "off"}
}

// pattern is what a text must and must not look like.
type pattern struct {
	most     int
	all, not []string
}

func (p pattern) apply(s *jsonschema.Schema) {
	s.MinLength, s.MaxLength = count(1), count(p.most)
	for _, expression := range p.all {
		s.AllOf = append(s.AllOf, &jsonschema.Schema{Pattern: expression})
	}
	for _, expression := range p.not {
		s.AllOf = append(s.AllOf, &jsonschema.Schema{Not: &jsonschema.Schema{Pattern: expression}})
	}
}

func property(t *testing.T, s *jsonschema.Schema, name string) *jsonschema.Schema {
	t.Helper()
	p, ok := s.Properties.Get(name)
	if !ok {
		t.Fatalf("the schema has no property %q", name)
	}
	return p
}

func items(s *jsonschema.Schema, most int) {
	s.MinItems, s.MaxItems = count(1), count(most)
}

func count(n int) *uint64 {
	u := uint64(n)
	return &u
}

func withoutGates() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set("gates", jsonschema.FalseSchema)
	return &jsonschema.Schema{Properties: properties}
}

func number(n int) json.Number {
	out, _ := json.Marshal(n)
	return json.Number(out)
}

func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for _, file := range testFiles() {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			var document yaml.Node
			if err := yaml.Unmarshal([]byte(file.src), &document); err != nil {
				if !file.beyond {
					t.Errorf("this is not YAML at all: %v", err)
				}
				return
			}
			verdict := schema.Validate(plain(t, &document))
			valid := file.problems == nil
			switch {
			case file.beyond && valid:
				t.Error("a valid file cannot be beyond the schema")
			case valid && verdict != nil:
				t.Errorf("the loader accepts it, the schema does not: %v", verdict)
			case !valid && !file.beyond && verdict == nil:
				t.Error("the loader refuses it, the schema does not")
			}
		})
	}
}

func compile(t *testing.T) *validator.Schema {
	t.Helper()
	document, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatalf("reading the schema: %v", err)
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource(SchemaID, document); err != nil {
		t.Fatalf("adding the schema: %v", err)
	}
	schema, err := compiler.Compile(SchemaID)
	if err != nil {
		t.Fatalf("compiling the schema: %v", err)
	}
	return schema
}

// plain turns YAML into the values that decoded JSON has, as editors see them:
// dates are text and "<<" is a key like any other (YAML 1.2).
func plain(t *testing.T, node *yaml.Node) any {
	t.Helper()
	switch node.Kind {
	case yaml.DocumentNode:
		return plain(t, node.Content[0])
	case yaml.AliasNode:
		return plain(t, node.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range node.Content {
			list = append(list, plain(t, item))
		}
		return list
	case yaml.MappingNode:
		mapping := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			mapping[node.Content[i].Value] = plain(t, node.Content[i+1])
		}
		return mapping
	}
	if tag := node.ShortTag(); tag == "!!str" || tag == "!!timestamp" {
		return node.Value
	}
	var value any
	if err := node.Decode(&value); err != nil {
		t.Fatalf("decoding %q: %v", node.Value, err)
	}
	return value
}
