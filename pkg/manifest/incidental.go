package manifest

import (
	"path"
	"strings"
)

// Incidental reports whether a file names images that no GitOps engine deploys: a
// workflow of a CI system, or a Compose file. [Find] finds their image: all the
// same; callers leave such a file out unless somebody named it.
func Incidental(file string) bool {
	if !IsYAML(file) {
		return false
	}
	dir, base := path.Split(path.Clean(strings.ToLower(file)))
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".yaml"), ".yml")
	inFolder := func(folder string) bool { return strings.Contains("/"+dir, "/"+folder+"/") }
	switch {
	case inFolder(".github"), inFolder(".gitea"), inFolder(".forgejo"), inFolder(".gitlab"), inFolder(".circleci"),
		inFolder(".woodpecker"), inFolder(".tekton"), inFolder(".buildkite"):
		return true
	}
	for _, name := range []string{".gitlab-ci", ".drone", ".travis", ".woodpecker", ".cirrus", "azure-pipelines", "bitbucket-pipelines", "cloudbuild", "appveyor", ".appveyor"} {
		if base == name {
			return true
		}
	}
	for _, name := range []string{"compose", "docker-compose"} {
		if base == name || strings.HasPrefix(base, name+".") || strings.HasPrefix(base, name+"-") {
			return true
		}
	}
	return false
}
