package git

import (
	"fmt"
	"strings"
	"unicode"
)

// checkPath says whether a path may be written: relative, clean, and through no
// .git folder. Git refuses the same ones, see verify_path in its read-cache.c.
func checkPath(path string) error {
	if path == "" || len(path) > 4096 {
		return fmt.Errorf("%q is not a path of a repository", path)
	}
	for part := range strings.SplitSeq(path, "/") {
		if reason := badName(part); reason != "" {
			return fmt.Errorf("%q is not a path of a repository: %s", path, reason)
		}
	}
	return nil
}

// badName says what is wrong with the name of a file or folder; empty for nothing.
func badName(name string) string {
	switch {
	case name == "":
		return "it has an empty part"
	case name == "." || name == "..":
		return `it has a part "` + name + `"`
	case strings.ContainsAny(name, "/\\\x00"):
		return "it has a backslash, a slash or a NUL in a name"
	case isDotGit(name):
		return "it goes through a .git folder"
	}
	return ""
}

// isDotGit also knows the spellings that macOS and Windows take for .git:
// ignored characters (CVE-2014-9390), 8.3 names, trailing dots and spaces, and
// alternate data streams (CVE-2019-1352).
func isDotGit(name string) bool {
	if c := name[0]; c < 0x80 && c != '.' && c|0x20 != 'g' {
		return false // whatever is taken out of it. Large folders have many names
	}
	name, _, _ = strings.Cut(name, ":")
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	name = strings.TrimRight(name, ". ")
	return name == ".git" || name == "git~1"
}
