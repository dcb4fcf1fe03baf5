package promotion

import "testing"

func TestAbbreviate(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for in, want := range map[string]string{
		"":                      "",
		"1.4.2":                 "1.4.2",
		"1.4.2, 1.5.0":          "1.4.2, 1.5.0",
		hash[:40]:               "0123456789ab",
		"sha256:" + hash:        "sha256:0123456789ab",
		"1.4.2@sha256:" + hash:  "1.4.2@sha256:0123456789ab",
		"main-" + hash[:40]:     "main-" + hash[:40],
		"\x1b[31m1.0":           `\x1b[31m1.0`,
		"1.0, sha256:" + hash:   "1.0, sha256:0123456789ab",
		hash[:39] + "g":         hash[:39] + "g",
		hash[:40] + ", 1.0":     "0123456789ab, 1.0",
		"v1@sha256:" + hash[:5]: "v1@sha256:01234",
	} {
		if got := abbreviate(in); got != want {
			t.Errorf("abbreviate(%q) = %q, want %q", in, got, want)
		}
	}
}
