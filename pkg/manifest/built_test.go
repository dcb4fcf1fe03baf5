package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/manifest"
)

// No value of a secret is in what is shown, however it is written, and that it
// changed is.
func TestCompareBuiltHidesSecrets(t *testing.T) {
	t.Parallel()
	const header = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\n"
	for name, test := range map[string]struct{ before, after string }{
		"data":            {header + "data: {password: aHVudGVyMQ==}\n", header + "data: {password: aHVudGVyMg==}\n"},
		"block":           {header + "data:\n  password: |\n    hunter1\n    hunter1\n", header + "data:\n  password: |\n    hunter2\n"},
		"stringData":      {header + "stringData:\n  a: hunter1\n", header + "stringData:\n  a: hunter2\n"},
		"a list":          {header + "data: [hunter1]\n", header + "data: [hunter2]\n"},
		"a text":          {header + "data: hunter1\n", header + "data: hunter2\n"},
		"a key is 1":      {header + "data: {1: hunter1}\n", header + "data: {1: hunter2}\n"},
		"JSON":            {`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"login"},"data":{"a":"hunter1"}}`, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"login"},"data":{"a":"hunter2"}}`},
		"an anchor":       {header + "stringData: {a: &a hunter1, b: *a}\n", header + "stringData: {a: &a hunter2, b: *a}\n"},
		"annotation":      {header + "# {a: hunter1}\ndata: {}\n" + "immutable: true\n", strings.Replace(header, "{name: login}", `{name: login, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":"hunter2"}'}}`, 1)},
		"variable":        {"kind: Pod\nmetadata: {name: login}\nenv: [{name: DB_PASSWORD, value: hunter1}]\n", "kind: Pod\nmetadata: {name: login}\nenv: [{name: DB_PASSWORD, value: hunter2}]\n"},
		"key":             {"kind: ConfigMap\nmetadata: {name: login}\ndata: {apiKey: hunter1}\n", "kind: ConfigMap\nmetadata: {name: login}\ndata: {apiKey: hunter2}\n"},
		"file":            {"kind: ConfigMap\nmetadata: {name: login}\ndata:\n  f: |\n    a=b\n    db.password = hunter1\n", "kind: ConfigMap\nmetadata: {name: login}\ndata:\n  f: |\n    a=b\n    db.password = hunter2\n"},
		"private key":     {"kind: ConfigMap\nmetadata: {name: login}\ndata:\n  f: |\n    -----BEGIN RSA PRIVATE KEY-----\n    hunter1\n", "kind: ConfigMap\nmetadata: {name: login}\ndata:\n  f: |\n    -----BEGIN RSA PRIVATE KEY-----\n    hunter2\n"},
		"in an address":   {"kind: ConfigMap\nmetadata: {name: login}\ndata: {url: 'postgres://app:hunter1@db/x'}\n", "kind: ConfigMap\nmetadata: {name: login}\ndata: {url: 'postgres://app:hunter2@db/x'}\n"},
		"it went":         {header + "data: {password: hunter1}\n", ""},
		"it came":         {"", header + "data: {password: hunter1}\n"},
		"the key is new":  {header + "data: {}\n", header + "data: {password: hunter1}\n"},
		"GitHub's tokens": {"kind: ConfigMap\nmetadata: {name: login}\ndata: {a: x}\n", "kind: ConfigMap\nmetadata: {name: login}\ndata: {a: 'ghp_hunter" + strings.Repeat("a", 36) + "'}\n"},
	} {
		changed, err := manifest.CompareBuilt([]byte(test.before), []byte(test.after))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(changed) != 1 || changed[0].Name != "login" {
			t.Errorf("%s: the change does not show: %v", name, changed)
			continue
		}
		if text := strings.Join(append(changed[0].Before, changed[0].After...), "\n"); strings.Contains(text, "hunter") || strings.Contains(text, "aHVud") {
			t.Errorf("%s: the secret shows:\n%s", name, text)
		}
	}
}

func TestCompareBuiltPairsObjects(t *testing.T) {
	t.Parallel()
	object := func(kind, name, value string) string {
		return "apiVersion: v1\nkind: " + kind + "\nmetadata:\n  name: " + name + "\nvalue: " + value + "\n---\n"
	}
	before := object("ConfigMap", "a", "1") + object("ConfigMap", "gone", "1") + object("Service", "a", "1") + object("Service", "same", "1")
	after := object("Service", "same", "1 # a comment") + object("Service", "a", "2") + object("ConfigMap", "new", "1") + object("ConfigMap", "a", "1")
	changed, err := manifest.CompareBuilt([]byte(before), []byte("---\n"+after))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, each := range changed {
		change := each.Kind + " " + each.Name
		if each.Before == nil {
			change += " came"
		}
		if each.After == nil {
			change += " went"
		}
		got = append(got, change)
	}
	if diff := cmp.Diff([]string{"ConfigMap gone went", "ConfigMap new came", "Service a"}, got); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{"a: [", "a: b\n", "- a\n"} {
		if _, err := manifest.CompareBuilt(nil, []byte(broken)); err == nil {
			t.Errorf("%q is taken for a build", broken)
		}
	}
}
