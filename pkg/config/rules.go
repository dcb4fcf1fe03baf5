package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/getpawl/pawl/pkg/image"
)

// The limits of every list and text. They are far above what a repository needs
// and keep every later step bounded.
const (
	maxBytes        = 128 << 10
	maxEnvironments = 50
	maxPaths        = 50
	maxChecks       = 50
	maxApprovals    = 100
	maxBots         = 50
	maxFreezes      = 50
	maxImages       = 500
	maxFields       = 50
	maxNameLength   = 63 // a DNS label: names end up in refs, labels and host names
	maxBranchLength = 200
	maxTextLength   = 255
	maxAlternatives = 16 // braces and commas of a glob: the time to match it grows with their product
)

// Patterns that the loader and the JSON Schema share, in the syntax that Go and
// JavaScript have in common.
const (
	namePattern      = `^[a-z0-9][a-z0-9-]*$`
	letterPattern    = `[a-z]`
	imageNamePattern = `^[A-Za-z0-9][A-Za-z0-9._-]*$`
	accountPattern   = `^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$`
	sourcePattern    = `^(https://[A-Za-z0-9.-]+(:[0-9]+)?/)?[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*$`
)

var (
	nameRegexp      = regexp.MustCompile(namePattern)
	letterRegexp    = regexp.MustCompile(letterPattern)
	imageNameRegexp = regexp.MustCompile(imageNamePattern)
	accountRegexp   = regexp.MustCompile(accountPattern)
	sourceRegexp    = regexp.MustCompile(sourcePattern)
)

// checkName refuses what is not the name of an environment. It also becomes a
// part of branch names, and an argument beside pull request numbers.
func checkName(name string) error {
	switch {
	case len(name) > maxNameLength:
		return tooLong(maxNameLength)
	case !nameRegexp.MatchString(name):
		return errors.New("a name has lower-case letters, digits and dashes only, and does not begin with a dash")
	case !letterRegexp.MatchString(name):
		return errors.New("a name needs a letter, or it would read as the number of a pull request")
	}
	return nil
}

func checkImageName(name string) error {
	switch {
	case len(name) > maxNameLength:
		return tooLong(maxNameLength)
	case !imageNameRegexp.MatchString(name):
		return errors.New("a name has letters, digits, dots, dashes and underscores only, and begins with a letter or digit")
	}
	return nil
}

// checkBranch refuses what Git does not accept as the name of a branch
// (git-check-ref-format(1)), and names that would not mean what they say.
func checkBranch(branch string) error {
	switch {
	case branch == "":
		return errors.New("the name of a branch cannot be empty")
	case len(branch) > maxBranchLength:
		return tooLong(maxBranchLength)
	case strings.HasPrefix(branch, "refs/"):
		return errors.New(`write the short name of the branch, without "refs/heads/"`)
	case branch == "pawl" || strings.HasPrefix(branch, "pawl/"):
		return errors.New(`pawl keeps the branches of its pull requests below "pawl/"`)
	case branch == "HEAD" || branch == "@" || strings.HasPrefix(branch, "-"):
		return errors.New("this cannot be the name of a branch")
	case strings.Contains(branch, "..") || strings.Contains(branch, "@{") || strings.HasSuffix(branch, "."):
		return errors.New(`the name of a branch cannot contain ".." or "@{", nor end with a dot`)
	case strings.ContainsAny(branch, " ~^:?*[\\") || !printable(branch):
		return errors.New(`the name of a branch cannot contain spaces, control characters or any of ~ ^ : ? * [ \`)
	}
	for part := range strings.SplitSeq(branch, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return errors.New(`no part of a branch's name between slashes can be empty, begin with a dot or end with ".lock"`)
		}
	}
	return nil
}

// CheckBranch says why something cannot be the branch of an environment; nil if it
// can.
func CheckBranch(branch string) error { return checkBranch(branch) }

// checkPath refuses a glob that cannot match a file of the repository, or that
// means something else than it seems to.
func checkPath(glob string) error {
	if err := checkGlob(glob); err != nil {
		return err
	}
	switch {
	case strings.Contains(glob, `\`):
		return errors.New("use / between folders")
	case strings.HasPrefix(glob, "/"):
		return errors.New("paths are relative to the root of the repository: leave out the leading /")
	case strings.HasSuffix(glob, "/"):
		return fmt.Errorf("for everything in a folder, write %s", quote(glob+"**"))
	}
	for part := range strings.SplitSeq(glob, "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return errors.New(`no part of a path can be empty, "." or ".."`)
		case part != "**" && strings.Contains(part, "**"):
			return errors.New("** stands for folders only when it stands alone between slashes: write **/*.yaml, not **.yaml")
		}
	}
	return nil
}

// checkGlob refuses what is not a glob, with its reasons where the library has none.
func checkGlob(glob string) error {
	if err := checkText(glob); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(glob, "!"):
		return errors.New("a ! at the beginning does not negate a glob here")
	case strings.Count(glob, "{") > 0 && strings.Count(glob, "{")+strings.Count(glob, ",") > maxAlternatives:
		return fmt.Errorf("a glob can have at most %d alternatives in braces", maxAlternatives)
	case !doublestar.ValidatePattern(glob):
		return errors.New("this is not a valid glob: a bracket or brace is not closed, or is empty")
	}
	return nil
}

// checkAccount refuses what is neither a login nor the short name of a GitHub App.
func checkAccount(account string) error {
	switch {
	case len(account) > maxNameLength:
		return tooLong(maxNameLength)
	case !accountRegexp.MatchString(account):
		return errors.New("this is neither a login nor the short name of an app")
	}
	return nil
}

// acceptable are the conclusions of a check run that prove nothing and are no
// failures either. https://docs.github.com/rest/checks/runs
func acceptable() []string { return []string{"neutral", "skipped"} }

func checkAccept(conclusion string) error {
	if !slices.Contains(acceptable(), conclusion) {
		return fmt.Errorf("this must be one of %s", strings.Join(acceptable(), ", "))
	}
	return nil
}

func checkSwitch(text string) error {
	if text != "on" && text != "off" {
		return errors.New("this must be on or off")
	}
	return nil
}

// checkRepository refuses what is not the name of an image without its version.
func checkRepository(repository string) error {
	if err := checkText(repository); err != nil {
		return err
	}
	named, err := image.Parse(repository)
	if err != nil {
		return cmp.Or(errors.Unwrap(err), err) // the message quotes the text already
	}
	if named.Version() != "" {
		return errors.New("leave out the tag and the digest: the versions are in the manifests")
	}
	return nil
}

// checkSource refuses what is not a repository on a hosting service.
func checkSource(source string) error {
	if err := checkText(source); err != nil {
		return err
	}
	if !sourceRegexp.MatchString(source) {
		return errors.New("write the repository as owner/name, or as https://server/owner/name")
	}
	return nil
}

// checkKeyPath refuses what cannot be a path of keys in a YAML file. Package
// manifest, which follows the path, has the whole grammar.
func checkKeyPath(path string) error {
	if err := checkText(path); err != nil {
		return err
	}
	empty := !strings.Contains(path, `"`) && strings.Contains(path, "..") // a quoted key may have dots of its own
	if empty || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") {
		return errors.New("no key between dots can be empty")
	}
	return nil
}

func checkText(text string) error {
	switch {
	case text == "":
		return errors.New("this cannot be empty")
	case utf8.RuneCountInString(text) > maxTextLength:
		return tooLong(maxTextLength)
	case !printable(text):
		return errors.New("control characters, line breaks and invisible characters are not allowed")
	case strings.TrimSpace(text) != text:
		return errors.New("leave out the space at the beginning and at the end")
	}
	return nil
}

// printable excludes control characters and those that change how a line looks
// to a reader, such as bidirectional overrides.
func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func tooLong(most int) error { return fmt.Errorf("this is longer than %d characters", most) }
