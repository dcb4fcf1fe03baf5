package promotion

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/image"
)

// web makes addresses on the server that hosts the config repository, and on no
// other. The zero value makes none.
type web struct {
	server     string // https://github.com
	repository string // https://github.com/acme/config
}

// Whatever becomes a part of an address has one of these forms, in which nothing
// can end the address or lead to another server.
var (
	hostRegexp  = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$`)
	slugRegexp  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)
	shaRegexp   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	gitTag      = regexp.MustCompile(`^v?[0-9]+\.[0-9]+(\.[0-9]+)?(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$`)
	commitTag   = regexp.MustCompile(`^(?:sha-)?([0-9a-f]{7,40})$`)
	pawlTrailer = regexp.MustCompile(`^(Pawl-Image|Pawl-Source): *(\S+) *$`)
)

// newWeb reads the server and the repository from the address of a comparison that
// the service gave.
func newWeb(comparison string) web {
	address, err := url.Parse(comparison)
	if err != nil || address.User != nil || !hostRegexp.MatchString(address.Host) {
		return web{}
	}
	if address.Scheme != "https" && address.Scheme != "http" {
		return web{}
	}
	slug, _, found := strings.Cut(strings.TrimPrefix(address.Path, "/"), "/compare/")
	if !found || !slugRegexp.MatchString(slug) {
		return web{}
	}
	server := address.Scheme + "://" + address.Host
	return web{server: server, repository: server + "/" + slug}
}

// comparison is the page that compares two commits of the config repository.
func (w web) comparison(base, head string) string {
	if w.repository == "" || !shaRegexp.MatchString(base) || !shaRegexp.MatchString(head) {
		return ""
	}
	return w.repository + "/compare/" + base + "..." + head
}

// slug turns a source, written as owner/name or as an address, into owner/name. A
// source on another server is not linked.
func (w web) slug(source string) string {
	if strings.Contains(source, "://") {
		rest, here := strings.CutPrefix(strings.ToLower(source), strings.ToLower(w.server)+"/")
		if !here {
			return ""
		}
		source = source[len(source)-len(rest):]
	}
	source = strings.TrimSuffix(source, ".git")
	if !slugRegexp.MatchString(source) {
		return ""
	}
	return source
}

// linkSources gives image changes the address of what changed in their source: the
// comparison of the commits that they were built from, else of their tags, else
// the commit that the new version was built from.
func (w web) linkSources(changes []ImageChange, named []config.Image, commits []forge.Commit) {
	if w.server == "" {
		return
	}
	for i := range changes {
		change := &changes[i]
		if change.From == "" || change.To == "" {
			continue
		}
		entry := entryOf(change.Image, named)
		slug, built := builtFrom(commits, entry.Repository, change.To)
		if slug == "" {
			slug = w.slug(entry.Source)
		}
		if slug != "" {
			change.link(w.server+"/"+slug, built)
		}
	}
}

// link gives a change the addresses in its source repository. The commit that the
// new version was built from may not be known.
func (c *ImageChange) link(repository, built string) {
	base, head := commitIn(c.From), cmp.Or(built, commitIn(c.To))
	oldTag, newTag := tag(c.From), tag(c.To)
	if head != "" {
		c.built = repository + "/commit/" + head
		c.Source = c.built
	}
	switch {
	case base != "" && head != "":
		c.Source = repository + "/compare/" + base + "..." + head
	case gitTag.MatchString(oldTag) && gitTag.MatchString(newTag):
		c.Source = repository + "/compare/" + oldTag + "..." + newTag
	}
}

// commitIn returns the commit that a tag spells, as CI systems make them: the SHA,
// whole or its first digits, alone or after "sha-".
func commitIn(version string) string {
	match := commitTag.FindStringSubmatch(tag(version))
	if match == nil || strings.Trim(match[1], "0123456789") == "" {
		return "" // digits alone are a date or a build number more often
	}
	return match[1]
}

// entryOf returns the configuration's entry for the image that a table shows under
// a name, or one with its repository alone.
func entryOf(name string, named []config.Image) config.Image {
	shown, err := image.Parse(name)
	for _, entry := range named {
		if entry.Name == name {
			return entry
		}
		if repository, other := image.Parse(entry.Repository); err == nil && other == nil && repository.Same(shown) {
			return entry
		}
	}
	return config.Image{Repository: name}
}

// builtFrom looks for the newest commit that set a version of an image and says
// what it was built from. A commit that names several sources says nothing about
// one image.
func builtFrom(commits []forge.Commit, repository, version string) (slug, sha string) {
	for i := len(commits) - 1; i >= 0; i-- {
		images, sources := pawlTrailers(commits[i].Message)
		if len(sources) != 1 || !sets(images, repository, version) {
			continue
		}
		slug, sha, _ = strings.Cut(sources[0], "@")
		if slugRegexp.MatchString(slug) && shaRegexp.MatchString(sha) {
			return slug, sha
		}
		return "", ""
	}
	return "", ""
}

func sets(images []string, repository, version string) bool {
	want, err := image.Parse(repository)
	if err != nil {
		return false
	}
	for _, text := range images {
		if set, err := image.Parse(text); err == nil && set.Same(want) && set.Version() == version {
			return true
		}
	}
	return false
}

// pawlTrailers reads the lines for programs at the end of a commit message.
func pawlTrailers(message string) (images, sources []string) {
	message = strings.TrimRight(message, "\n")
	last := message[strings.LastIndex(message, "\n\n")+1:]
	for line := range strings.Lines(last) {
		match := pawlTrailer.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		switch {
		case match == nil:
		case match[1] == "Pawl-Image":
			images = append(images, match[2])
		default:
			sources = append(sources, match[2])
		}
	}
	return images, sources
}
