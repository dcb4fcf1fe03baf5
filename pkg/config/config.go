// Package config reads .pawl.yaml: the environments of a config repository, in
// promotion order, with the gates of each, and the images that need a name.
//
// A configuration that [Parse] returns is complete and valid: every default is
// filled in and every rule of this package holds, so that nobody has to check
// again. What pawl would have to ignore is refused: unknown and repeated keys,
// values of another type, anchors, aliases, tags, a second document, and the
// parts of the format that this version cannot honor. All problems of a file are
// reported together, each with its line and column.
//
// Time and memory are bounded on any input: a file has at most 128 KiB, every
// list and every text has a limit, and an alias is never followed.
//
// The package reads bytes. It opens no file, knows no repository and no hosting
// service, and cannot say whether a branch exists.
package config

import (
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// FileName is the name of the file, in the root of the config repository.
const FileName = ".pawl.yaml"

// Version is the format that this package reads.
const Version = 1

// Config is the configuration of pawl for one config repository.
type Config struct {
	// Version of the format of this file. There is one: 1.
	Version int `json:"version"`
	// Environments in promotion order: what is released enters the first one, and each of the others is promoted into from the one before it.
	Environments []Environment `json:"environments"`
	// Images that need a name of their own, or that stand in places where pawl does not look by itself.
	Images []Image `json:"images,omitempty"`

	// Source says where the configuration was read, as the caller of Parse put it.
	// It is empty when the repository has no file and the conventional layout applies.
	Source string `json:"-"`
}

// Environment is one place that a GitOps engine deploys: a branch of the config repository.
type Environment struct {
	// Name of the environment, as commands and pull requests call it: lower-case letters, digits and dashes, at least one letter.
	Name string `json:"name"`
	// Branch that the GitOps engine deploys from. No two environments share one.
	Branch string `json:"branch"`
	// Paths of the files in which bump looks for images: globs from the root of the repository, where ** stands for any number of folders. The default is that of the environment before, and base/** for the first one. All environments have the same paths.
	Paths []string `json:"paths,omitempty"`
	// Gates that a commit has to pass before it is promoted into this environment. The first environment has none, because nothing is promoted into it.
	Gates Gates `json:"gates,omitzero"`
	// RequireVerified makes bump refuse to land a commit in this environment that the hosting service would not call verified, and reads back that it does.
	RequireVerified bool `json:"requireVerified,omitempty"`
}

// Gates are conditions on the exact commit that is promoted. All of them have to hold.
type Gates struct {
	// Lets only the present head of the environment before in. Without it, a commit that was its head at some time may still be promoted.
	RequireCurrent bool `json:"requireCurrent,omitempty"`
	// Checks that must have succeeded on the commit: names of commit statuses or check runs, or globs in which * stands for anything but a slash and ** for any number of segments. Every entry must match at least one result, and all that it matches must have succeeded.
	Checks []Check `json:"checks,omitempty"`
	// Conclusions of check runs that count as success besides success itself.
	Accept []string `json:"accept,omitempty"`
	// How long a check may take to report for the first time before the gate fails instead of waiting. Without it, the gate waits.
	MissingTimeout Duration `json:"missingTimeout,omitzero"`
	// Approvals that the pull request needs, from people who may write to the repository.
	Approvals int `json:"approvals,omitempty"`
	// Accounts whose approvals count although they are not people.
	BotApprovers []string `json:"botApprovers,omitempty"`
	// Asks for the approval of an owner of each changed file that has owners, by the CODEOWNERS file of the environment's branch.
	CodeOwners bool `json:"codeOwners,omitempty"`
	// Does not count the approval of anybody who wrote or committed one of the commits that are promoted.
	SeparateDuties bool `json:"separateDuties,omitempty"`
	// How long the commit has to have been the head of the environment before, without a break.
	Soak Duration `json:"soak,omitzero"`
	// Times at which nothing enters the environment.
	Freeze []Window `json:"freeze,omitempty"`
	// Rules for the versions that a promotion brings. Without it, versions do not go down, and tags that can point at another image tomorrow may come. The empty mapping refuses those too.
	Images *ImageRules `json:"images,omitempty"`
	// Which files a promotion may change.
	Changes *ChangeRules `json:"changes,omitempty"`
	// Whether to look for secrets in what a promotion brings: on, the default, or off.
	Secrets string `json:"secrets,omitempty"`
}

// ImageRules returns the rules for versions. This is where their default is: no version
// goes down, and a repository that uses tags such as latest is not held up.
func (g Gates) ImageRules() ImageRules {
	if g.Images == nil {
		return ImageRules{AllowMutable: true}
	}
	return *g.Images
}

// SearchesSecrets says whether to look for secrets. This is where the default is.
func (g Gates) SearchesSecrets() bool { return g.Secrets != "off" }

// Check is a check that must have succeeded.
type Check struct {
	// Name of a commit status or check run, or a glob.
	Name string `json:"name"`
	// App that must have reported it: the short name of a GitHub App, or the account that set a commit status. Results of the same name from others do not count.
	App string `json:"app,omitempty"`
}

// ImageRules are rules for the versions that a promotion brings.
type ImageRules struct {
	// Lets versions go down.
	AllowDowngrade bool `json:"allowDowngrade,omitempty"`
	// Lets a version replace another when nothing tells which one is newer.
	AllowUnordered bool `json:"allowUnordered,omitempty"`
	// Lets tags in that can point at another image tomorrow, such as latest.
	AllowMutable bool `json:"allowMutable,omitempty"`
	// Wants every version pinned by a digest.
	RequireDigest bool `json:"requireDigest,omitempty"`
}

// ChangeRules say which files a promotion may change.
type ChangeRules struct {
	// The files that a promotion may change: globs from the root of the repository. Without it, all files.
	Allow []string `json:"allow,omitempty"`
	// Allows changes of .pawl.yaml and of CODEOWNERS.
	Policy bool `json:"policy,omitempty"`
	// Allows changes below .github/workflows and .github/actions.
	Workflows bool `json:"workflows,omitempty"`
	// Allows symbolic links to be added, changed and removed.
	Symlinks bool `json:"symlinks,omitempty"`
	// Allows submodules to be added, changed and removed.
	Submodules bool `json:"submodules,omitempty"`
	// Allows files to become executable, or to stop being so.
	Modes bool `json:"modes,omitempty"`
}

// Image is a container image with a name of its own.
type Image struct {
	// Name by which commands may call the image.
	Name string `json:"name"`
	// Repository of the image, without tag and digest: ghcr.io/acme/api.
	Repository string `json:"repository"`
	// Source code that the image is built from: a repository on the server of the config repository, as owner/name or as its address. Pull requests link what changed there.
	Source string `json:"source,omitempty"`
	// Fields that hold the version of the image where pawl cannot tell by itself.
	Fields []Field `json:"fields,omitempty"`
}

// Field is a place in YAML files that holds the version of an image.
type Field struct {
	// File that holds the field: a path from the root of the repository, or a glob.
	File string `json:"file"`
	// Path of keys to the field, with dots between them: server.version.
	Path string `json:"path"`
}

// Environment returns the environment of that name.
func (c *Config) Environment(name string) (Environment, bool) {
	return c.at(c.index(name))
}

// ByBranch returns the environment that is deployed from that branch.
func (c *Config) ByBranch(branch string) (Environment, bool) {
	return c.at(slices.IndexFunc(c.Environments, func(e Environment) bool { return e.Branch == branch }))
}

// Before returns the environment that is promoted into the named one. The first
// environment has none before it.
func (c *Config) Before(name string) (Environment, bool) {
	return c.at(c.index(name) - 1)
}

func (c *Config) index(name string) int {
	return slices.IndexFunc(c.Environments, func(e Environment) bool { return e.Name == name })
}

func (c *Config) at(i int) (Environment, bool) {
	if i < 0 || i >= len(c.Environments) {
		return Environment{}, false
	}
	return c.Environments[i], true
}

// Match says whether the path is among the environment's paths. It is a path in
// the repository: relative to its root, with slashes.
func (e Environment) Match(path string) bool {
	return slices.ContainsFunc(e.Paths, func(glob string) bool {
		return doublestar.MatchUnvalidated(glob, path)
	})
}

// Match says whether the path is the field's file, or matches its glob.
func (f Field) Match(path string) bool {
	return f.File == path || doublestar.MatchUnvalidated(f.File, path)
}
