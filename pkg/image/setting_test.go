package image_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/image"
)

func TestParseSetting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want image.Setting
	}{
		{"nginx:1.10", image.Setting{Match: "nginx", New: image.Reference{Name: "nginx", Tag: "1.10"}}},
		{"localhost:5000/x:1", image.Setting{Match: "localhost:5000/x", New: image.Reference{Name: "localhost:5000/x", Tag: "1"}}},
		{"nginx@" + sha256A, image.Setting{Match: "nginx", New: image.Reference{Name: "nginx", Digest: sha256A}}},
		{"nginx=ghcr.io/acme/nginx:1@" + sha256A, image.Setting{Match: "nginx", New: image.Reference{Name: "ghcr.io/acme/nginx", Tag: "1", Digest: sha256A}}},
		{"API_IMAGE=ghcr.io/acme/api:1", image.Setting{Match: "API_IMAGE", New: image.Reference{Name: "ghcr.io/acme/api", Tag: "1"}}},
	}
	for _, test := range tests {
		got, err := image.ParseSetting(test.in)
		if err != nil {
			t.Errorf("ParseSetting(%q): %v", test.in, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ParseSetting(%q) (-want +got):\n%s", test.in, diff)
		}
		if got.String() != test.in {
			t.Errorf("ParseSetting(%q).String() = %q", test.in, got.String())
		}
	}
}

func TestParseSettingRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, reason string }{
		{"nginx", "add a tag (nginx:TAG) or a digest (nginx@sha256:…)"},
		{"localhost:5000/x", "it has no version"},
		{"nginx=ghcr.io/acme/nginx", "it has no version"},
		{"=nginx:1", "the name before = is empty"},
		{"nginx:1=nginx:2", "the name before = has a version: write nginx="},
		{"a=b=c:1", "malformed"},
		{"two words=a:1", `has ' ' in it`},
		{"a\n=b:1", `has '\n' in it`},
		{"", "it is empty"},
		{"nginx:1.2+3", "malformed"},
		{strings.Repeat("A", 2000) + "=b:1", "too long"},
	}
	for _, test := range tests {
		got, err := image.ParseSetting(test.in)
		if err == nil {
			t.Errorf("ParseSetting(%q) = %v, want an error", test.in, got)
			continue
		}
		if !strings.Contains(err.Error(), test.reason) {
			t.Errorf("ParseSetting(%q): %v, want %q in it", test.in, err, test.reason)
		}
	}
}

func FuzzParseSetting(f *testing.F) {
	for _, seed := range []string{"nginx:1", "a=b:1", "A=b@" + sha256A, "=", "a==b:1", "nginx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := image.ParseSetting(s)
		if err != nil {
			return
		}
		if got.New.Version() == "" || got.Match == "" {
			t.Fatalf("ParseSetting(%q) = %+v: nothing to set", s, got)
		}
		again, err := image.ParseSetting(got.String())
		if err != nil || again != got {
			t.Fatalf("ParseSetting(%q).String() = %q, which reads as %+v, %v", s, got.String(), again, err)
		}
	})
}
