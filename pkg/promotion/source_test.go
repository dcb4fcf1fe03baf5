package promotion

import (
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

func TestNewWeb(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]web{
		"https://github.com/acme/config/compare/a...b":    {"https://github.com", "https://github.com/acme/config"},
		"http://127.0.0.1:8080/acme/config/compare/a...b": {"http://127.0.0.1:8080", "http://127.0.0.1:8080/acme/config"},
		"":                                       {},
		"https://github.com/acme/config":         {},
		"javascript:alert(1)//acme/x/compare/a":  {},
		"ftp://github.com/acme/config/compare/a": {},
		"https://user:pass@github.com/acme/config/compare/a": {},
		"https://evil.example)x/acme/config/compare/a":       {},
		"https://github.com/acme/con fig/compare/a":          {},
		"https://github.com/acme/a)b/compare/a":              {},
		"https://github.com/a/b/c/compare/a":                 {},
	} {
		if got := newWeb(address); got != want {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}

func TestLinkSources(t *testing.T) {
	t.Parallel()
	const sha = "0123456789abcdef0123456789abcdef01234567"
	here := newWeb("https://github.com/acme/config/compare/a...b")
	const api = "https://github.com/acme/api"
	trailers := func(lines ...string) []forge.Commit {
		return []forge.Commit{{Message: "Bump\n\nSome text.\n\n" + strings.Join(lines, "\n") + "\n"}}
	}
	const set, built = "Pawl-Image: ghcr.io/acme/api:1.5.0", "Pawl-Source: acme/api@" + sha
	for name, test := range map[string]struct {
		from, to, source string
		commits          []forge.Commit
		want, built      string
	}{
		"nothing known":           {from: "1.4.0", to: "1.5.0"},
		"tags":                    {from: "1.4.0", to: "1.5.0", source: "acme/api", want: api + "/compare/1.4.0...1.5.0"},
		"tags with digests":       {from: "v1.4@sha256:aa", to: "v1.5@sha256:bb", source: "acme/api", want: api + "/compare/v1.4...v1.5"},
		"by address":              {from: "1.4.0", to: "1.5.0", source: "https://github.com/acme/api", want: api + "/compare/1.4.0...1.5.0"},
		"by address in capitals":  {from: "1.4.0", to: "1.5.0", source: "https://GitHub.com/acme/Api.git", want: "https://github.com/acme/Api/compare/1.4.0...1.5.0"},
		"another server":          {from: "1.4.0", to: "1.5.0", source: "https://evil.example/acme/api"},
		"a server that begins so": {from: "1.4.0", to: "1.5.0", source: "https://github.com.evil.example/acme/api"},
		"over HTTP":               {from: "1.4.0", to: "1.5.0", source: "http://github.com/acme/api"},
		"no repository":           {from: "1.4.0", to: "1.5.0", source: "acme/api/x"},
		"dots":                    {from: "1.4.0", to: "1.5.0", source: "acme/.."},
		"commits as tags":         {from: "sha-abcdef1", to: "sha-1234abc", source: "acme/api", want: api + "/compare/abcdef1...1234abc", built: api + "/commit/1234abc"},
		"numbers are no commits":  {from: "20240101", to: "20240202", source: "acme/api"},
		"words are no versions":   {from: "blue", to: "green", source: "acme/api"},
		"a range in a tag":        {from: "1.0-a..b", to: "1.0...evil", source: "acme/api"},
		"an address in a tag":     {from: "1.0.0", to: "1.0.0)](http://evil.example", source: "acme/api"},
		"built from a commit":     {from: "blue", to: "1.5.0", commits: trailers(set, built), want: api + "/commit/" + sha, built: api + "/commit/" + sha},
		"both":                    {from: "1.4.0", to: "1.5.0", commits: trailers(set, built), want: api + "/compare/1.4.0...1.5.0", built: api + "/commit/" + sha},
		"commits go first":        {from: "abcdef1", to: "1.5.0", commits: trailers(set, built), want: api + "/compare/abcdef1..." + sha, built: api + "/commit/" + sha},
		"CRLF":                    {from: "blue", to: "1.5.0", commits: trailers(set+"\r", built+"\r"), want: api + "/commit/" + sha, built: api + "/commit/" + sha},
		"of another version":      {from: "blue", to: "1.5.1", commits: trailers(set, built)},
		"of another image":        {from: "blue", to: "1.5.0", commits: trailers("Pawl-Image: evil/acme/api:1.5.0", built)},
		"several sources":         {from: "blue", to: "1.5.0", commits: trailers(set, built, "Pawl-Source: acme/web@"+sha)},
		"a short commit":          {from: "blue", to: "1.5.0", commits: trailers(set, "Pawl-Source: acme/api@0123456")},
		"no commit":               {from: "blue", to: "1.5.0", commits: trailers(set, "Pawl-Source: acme/api")},
		"an address as a source":  {from: "blue", to: "1.5.0", commits: trailers(set, "Pawl-Source: https://evil.example/x@"+sha)},
		"brackets in a source":    {from: "blue", to: "1.5.0", commits: trailers(set, "Pawl-Source: acme/a)[b@"+sha)},
		"not at the end":          {from: "blue", to: "1.5.0", commits: []forge.Commit{{Message: "Bump\n\n" + set + "\n" + built + "\n\nmore"}}},
		"added":                   {to: "1.5.0", source: "acme/api"},
		"removed":                 {from: "1.5.0", source: "acme/api"},
	} {
		named := []config.Image{{Name: "api", Repository: "ghcr.io/acme/api", Source: test.source}}
		list := []ImageChange{{Image: "api", From: test.from, To: test.to}}
		here.linkSources(list, named, test.commits)
		if list[0].Source != test.want || list[0].built != test.built {
			t.Errorf("%s: %q and %q, want %q and %q", name, list[0].Source, list[0].built, test.want, test.built)
		}
		web{}.linkSources(list[:0], named, test.commits)
	}
}

func TestTheNewestCommitSaysWhatAnImageIsBuiltFrom(t *testing.T) {
	t.Parallel()
	message := func(digit string) string {
		return "Bump\n\nPawl-Image: ghcr.io/acme/api:1.5.0\nPawl-Source: acme/api@" + strings.Repeat(digit, 40)
	}
	commits := []forge.Commit{{Message: message("a")}, {Message: message("b")}, {Message: "no trailers"}}
	if _, sha := builtFrom(commits, "ghcr.io/acme/api", "1.5.0"); sha != strings.Repeat("b", 40) {
		t.Errorf("got %s", sha)
	}
}

func TestStep(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, to, want string }{
		{"1.4.1", "1.4.2", "patch"}, {"1.4.1", "1.5.0", "minor"}, {"1.4.1", "2.0.0", "major"}, {"v1.4.1", "v1.4.2", "patch"},
		{"1.4.2", "1.4.1", "patch"}, {"2.0", "1.9", "major"}, {"1.9", "1.10", "minor"}, {"1", "2", "major"}, {"1.4", "1.4.1", "patch"},
		{"1.4.1-rc.1", "1.4.1-rc.2", "pre-release"}, {"1.4.1-rc.1", "1.4.1", "pre-release"}, {"1.4.1", "1.5.0-rc.1", "minor, pre-release"},
		{"1.4.1@sha256:aa", "1.4.1@sha256:bb", "digest"}, {"1.4.1", "1.4.1@sha256:bb", "digest"}, {"sha256:aa", "sha256:bb", "digest"},
		{"1.4.1@sha256:aa", "1.4.2@sha256:bb", "patch"}, {"latest@sha256:aa", "latest@sha256:bb", "digest"},
		{"1.4.1", "sha256:bb", ""}, {"latest", "stable", ""}, {"1.4.1+a", "1.4.2+b", ""}, {"", "1.0", ""}, {"1.0", "", ""},
		{"1.4.1, 1.4.2", "1.5.0", ""}, {"1234567", "1234568", ""}, {"v1.2.0", "1.2.0", ""},
	} {
		if got := step(test.from, test.to); got != test.want {
			t.Errorf("%q → %q: %q, want %q", test.from, test.to, got, test.want)
		}
	}
}
