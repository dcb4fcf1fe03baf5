package image_test

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/image"
)

const (
	sha256A = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hex64   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want image.Reference
	}{
		{"nginx", image.Reference{Name: "nginx"}},
		{"nginx:1.10", image.Reference{Name: "nginx", Tag: "1.10"}},
		{"ghcr.io/acme/api:v1.2.3", image.Reference{Name: "ghcr.io/acme/api", Tag: "v1.2.3"}},
		{"ghcr.io/acme/api@" + sha256A, image.Reference{Name: "ghcr.io/acme/api", Digest: sha256A}},
		{"nginx:1@" + sha256A, image.Reference{Name: "nginx", Tag: "1", Digest: sha256A}},
		{"localhost:5000/x", image.Reference{Name: "localhost:5000/x"}},
		{"localhost:5000/x:tag", image.Reference{Name: "localhost:5000/x", Tag: "tag"}},
		{"host:8080/a/b:1e3", image.Reference{Name: "host:8080/a/b", Tag: "1e3"}},
		{"localhost:5000", image.Reference{Name: "localhost", Tag: "5000"}},
		{"GHCR.io/acme/api:1", image.Reference{Name: "GHCR.io/acme/api", Tag: "1"}},
		{"[::1]:5000/x:1", image.Reference{Name: "[::1]:5000/x", Tag: "1"}},
		{"nginx:_", image.Reference{Name: "nginx", Tag: "_"}},
		{"1:30", image.Reference{Name: "1", Tag: "30"}},
	}
	for _, test := range tests {
		got, err := image.Parse(test.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", test.in, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", test.in, diff)
		}
		if got.String() != test.in {
			t.Errorf("Parse(%q).String() = %q", test.in, got.String())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, reason string }{
		{"", "it is empty"},
		{":1", "the repository is empty"},
		{"@" + sha256A, "the repository is empty"},
		{"nginx:", "the tag is empty"},
		{"nginx@", "the digest is empty"},
		{"ghcr.io/Acme/API:1", "must be lower case"},
		{"Nginx", "must be lower case"},
		{"nginx:1.2+build", `tag "1.2+build" is malformed`},
		{"nginx:.1", `tag ".1" is malformed`},
		{"nginx:" + strings.Repeat("a", 129), "malformed"},
		{"nginx:1:2", "malformed"},
		{"nginx 1", "white space"},
		{"nginx:1\n", "malformed"},
		{"nginx@sha256:abc", "64 digits"},
		{"nginx@sha256:" + strings.ToUpper(hex64), "64 digits"},
		{"nginx@md5:" + hex64[:32], "64 digits"},
		{"https://ghcr.io/acme/api:1", "no scheme"},
		{sha256A, "a digest alone"},
		{hex64, "malformed"},
		{"a//b:1", "malformed"},
		{"${IMAGE}:1", "must be lower case"},
		{"{{ .image }}:1", "white space"},
		{strings.Repeat("a", 256), "more than 255"},
		{strings.Repeat("a", 5000), "too many"},
	}
	for _, test := range tests {
		got, err := image.Parse(test.in)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", test.in, got)
			continue
		}
		if !strings.Contains(err.Error(), test.reason) {
			t.Errorf("Parse(%q): %v, want %q in it", test.in, err, test.reason)
		}
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"nginx", "docker.io/library/nginx"},
		{"docker.io/nginx", "docker.io/library/nginx"},
		{"docker.io/library/nginx", "docker.io/library/nginx"},
		{"index.docker.io/library/nginx", "docker.io/library/nginx"},
		{"DOCKER.IO/nginx", "docker.io/library/nginx"},
		{"acme/api", "docker.io/acme/api"},
		{"ghcr.io/acme/api", "ghcr.io/acme/api"},
		{"GHCR.io/acme/api", "ghcr.io/acme/api"},
		{"localhost/x", "localhost/x"},
		{"LOCALHOST:5000/x", "localhost:5000/x"},
		{"localhost:5000/x", "localhost:5000/x"},
		{"Acme/api", "Acme/api"},
		{"API_IMAGE", "API_IMAGE"},
		{"", ""},
	}
	for _, test := range tests {
		if got := (image.Reference{Name: test.name}).Repository(); got != test.want {
			t.Errorf("Repository of %q = %q, want %q", test.name, got, test.want)
		}
	}
}

// TestNamesAsTheGrammar holds all short names, and some of the longest, against the
// grammar: it is not asked about the plain ones.
func TestNamesAsTheGrammar(t *testing.T) {
	t.Parallel()
	check := func(name string) {
		named, err := reference.ParseNormalizedNamed(name)
		got, problem := image.Parse(name)
		if (problem == nil) != (err == nil) {
			t.Fatalf("Parse(%q): %v, the grammar says %v", name, problem, err)
		}
		if err == nil && got.Repository() != named.Name() {
			t.Fatalf("%q is %q, the grammar says %q", name, got.Repository(), named.Name())
		}
	}
	var spell func(name string, more int)
	spell = func(name string, more int) {
		if name != "" {
			check(name)
		}
		for _, c := range "a.-/_" {
			if more > 0 {
				spell(name+string(c), more-1)
			}
		}
	}
	spell("", 6)
	spell("a.a/a", 3)
	spell("docker.io/", 4)
	for _, registry := range []string{"g.io", "docker.io", "index.docker.io", "a.docker.io", "localhost", "a.io:1"} {
		for length := 250; length < 260; length++ {
			check(registry + "/" + strings.Repeat("a", length))
			check(registry + "/" + strings.Repeat("a", length-len(registry)))
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"nginx", "docker.io/library/nginx", true},
		{"nginx:1", "nginx:2", true},
		{"app", "evil/app", false},
		{"evil/app", "app", false},
		{"ghcr.io/acme/app", "acme/app", false},
		{"ghcr.io/acme/app", "ghcr.io/acme/app-worker", false},
		{"ghcr.io/acme/app", "xghcr.io/acme/app", false},
		{"localhost:5000/app", "localhost:5001/app", false},
		{"library/nginx", "nginx", true},
	}
	for _, test := range tests {
		a, err := image.Parse(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := image.Parse(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Same(b); got != test.want {
			t.Errorf("%q Same %q = %v", test.a, test.b, got)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ref  image.Reference
		want string
	}{
		{image.Reference{Name: "a"}, ""},
		{image.Reference{Name: "a", Tag: "1"}, "1"},
		{image.Reference{Name: "a", Digest: sha256A}, sha256A},
		{image.Reference{Name: "a", Tag: "1", Digest: sha256A}, "1@" + sha256A},
	}
	for _, test := range tests {
		if got := test.ref.Version(); got != test.want {
			t.Errorf("%v: version %q, want %q", test.ref, got, test.want)
		}
	}
}

// FuzzParse holds Parse against the grammar itself: what Parse takes, the grammar
// takes, with the same parts; what the grammar takes and Parse does not is one of
// the documented refusals.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"nginx", "nginx:1.10", "localhost:5000/x:1@" + sha256A, "GHCR.io/a/b", "[::1]/a", "a@b", sha256A, hex64, "a:b/c", "nginx:1\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := image.Parse(s)
		_, grammarErr := reference.ParseNormalizedNamed(s)
		if err != nil {
			alone := strings.HasPrefix(s, "sha256:") || strings.HasPrefix(s, "sha512:") || s == "sha256" || s == "sha512"
			if grammarErr == nil && len(s) <= 1024 && !alone && !strings.HasPrefix(s, "sha256@") && !strings.HasPrefix(s, "sha512@") {
				t.Fatalf("Parse(%q): %v, the grammar takes it", s, err)
			}
			return
		}
		if grammarErr != nil {
			t.Fatalf("Parse(%q) = %+v, the grammar says %v", s, got, grammarErr)
		}
		if got.String() != s {
			t.Fatalf("Parse(%q).String() = %q", s, got.String())
		}
		if !got.Same(image.Reference{Name: got.Repository()}) {
			t.Fatalf("%q is not the same as its own repository %q", s, got.Repository())
		}
	})
}

// FuzzSame holds Same against the whole names, which it does not always look at.
func FuzzSame(f *testing.F) {
	f.Add("nginx", "docker.io/library/nginx")
	f.Add("index.docker.io/a/b", "a/b")
	f.Add("localhost:5000", "docker.io/library/localhost")
	f.Add("a@"+sha256A, "a")
	f.Add("A_B:1", "A_B")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := image.Reference{Name: a}, image.Reference{Name: b}
		if got, want := x.Same(y), x.Repository() == y.Repository(); got != want {
			t.Fatalf("%q Same %q = %v, but they are %q and %q", a, b, got, x.Repository(), y.Repository())
		}
	})
}
