package bump_test

import (
	"path"
	"testing"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/manifest"
)

// FuzzParseAssignment wants a file, a path and a value of whatever is taken, and the
// same again of what they are.
func FuzzParseAssignment(f *testing.F) {
	for _, seed := range []string{"a.yaml#b.c=1", "./a/../b.yaml#x[0]=v=w", `a#b["c=d"]=e`, "a#b", "#a=b", "a#=b", "a#b=", "a##b=c", "a b.yaml#é=ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := bump.ParseAssignment(text)
		if err != nil {
			return
		}
		if _, err := manifest.ParsePath(got.Path); err != nil || got.Value == "" || got.File != path.Clean(got.File) {
			t.Fatalf("%q reads as %+v: %v", text, got, err)
		}
		if again, err := bump.ParseAssignment(got.File + "#" + got.Path + "=" + got.Value); err != nil || again != got {
			t.Fatalf("%q reads as %+v, and that as %+v: %v", text, got, again, err)
		}
	})
}
