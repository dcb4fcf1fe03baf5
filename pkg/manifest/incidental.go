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
	dir, base := path.Split(file)
	for folder := range strings.SplitSeq(dir, "/") {
		if !strings.HasPrefix(folder, ".") {
			continue
		}
		switch strings.ToLower(folder) {
		case ".github", ".gitea", ".forgejo", ".gitlab", ".circleci", ".woodpecker", ".tekton", ".buildkite":
			return true
		}
	}
	base = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(base), ".yaml"), ".yml")
	switch base {
	case ".gitlab-ci", ".drone", ".travis", ".woodpecker", ".cirrus", "azure-pipelines", "bitbucket-pipelines", "cloudbuild", "appveyor", ".appveyor":
		return true
	}
	rest, compose := strings.CutPrefix(strings.TrimPrefix(base, "docker-"), "compose")
	return compose && (rest == "" || rest[0] == '.' || rest[0] == '-')
}
