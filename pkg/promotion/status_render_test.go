package promotion

import (
	"slices"
	"strings"
	"testing"
)

// A command is broken where a shell goes on in the next line, and nowhere else.
func TestWrapCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		width int
		want  []string
	}{
		{"pawl promote staging", 10, []string{"pawl promote staging"}},
		{"a && b && c", 11, []string{"a && b && c"}},
		{"a && b && c", 10, []string{"a && b &&", "  c"}},
		{"a && b && c", 8, []string{"a &&", "  b && c"}},
		{"a && b && c", 1, []string{"a &&", "  b &&", "  c"}},
	} {
		got := wrapCommand(tt.text, tt.width)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q in %d columns: %q, want %q", tt.text, tt.width, got, tt.want)
		}
		if again := strings.Join(strings.Fields(strings.Join(got, "\n")), " "); again != tt.text {
			t.Errorf("%q became %q", tt.text, again)
		}
	}
}
