package manifest_test

import (
	"strings"
	"testing"
)

// variants are ways to write the same YAML with other bytes.
func variants() map[string]func(string) string {
	breaks := func(br string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, "\n", br) }
	}
	return map[string]func(string) string{
		"CRLF":           breaks("\r\n"),
		"CR":             breaks("\r"),
		"NEL":            breaks("\u0085"),
		"LS":             breaks("\u2028"),
		"PS":             breaks("\u2029"),
		"BOM":            func(s string) string { return "\uFEFF" + s },
		"BOM and CRLF":   func(s string) string { return "\uFEFF" + strings.ReplaceAll(s, "\n", "\r\n") },
		"no final break": func(s string) string { return strings.TrimSuffix(s, "\n") },
		"CRLF, no final break": func(s string) string {
			return strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\r\n")
		},
		"two breaks":     func(s string) string { return s + "\n" },
		"comment above":  func(s string) string { return "# é 日本 😀 \u00A0\n\n" + s },
		"document above": func(s string) string { return "ü: ß\n---\n" + s },
		"comment below":  func(s string) string { return s + "# image: a:v1 é\n" },
	}
}

// TestVariants makes every edit of every sample in every variant. What is refused in
// one is refused in all.
func TestVariants(t *testing.T) {
	t.Parallel()
	for name, variant := range variants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range allSamples() {
				if !fits(name, s) {
					continue
				}
				s.src = variant(s.src)
				if s.want != "" {
					s.want = variant(s.want)
				}
				if !t.Run(s.name, func(t *testing.T) { check(t, s) }) {
					t.Logf("%q", s.src)
				}
			}
		})
	}
}

// fits leaves out the combinations that make another sample than meant.
func fits(variant string, s sample) bool {
	switch {
	case strings.ContainsAny(s.src, "\r\u0085\u2028\u2029\uFEFF"), !isText(s.src):
		return false
	case strings.HasPrefix(variant, "comment below") || variant == "two breaks":
		return strings.HasSuffix(s.src, "\n") && s.opt.Add == false && !strings.HasSuffix(s.src, "  \n")
	case strings.HasSuffix(variant, "no final break"):
		return strings.HasSuffix(s.src, "\n") && !strings.HasSuffix(s.src, "\n\n") && !strings.Contains(s.name, "keeps its line break")
	case variant == "document above":
		return !s.opt.Add && !strings.HasPrefix(s.src, "%") && !strings.Contains(s.refused, "yaml:")
	case variant == "comment above":
		return !strings.Contains(s.refused, "yaml:")
	}
	return true
}

func isText(s string) bool { return strings.ToValidUTF8(s, "") == s && !strings.Contains(s, "\x00") }
