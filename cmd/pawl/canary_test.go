package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/getpawl/pawl/pkg/cli"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// Every token of a script's server is a canary: after the script it must be in
// nothing that pawl wrote. What pawl printed is kept in this file, outside of the
// script's own directory.
const transcriptVariable = "PAWL_TEST_TRANSCRIPT"

// transcribe also writes to the transcript what goes to the two streams.
func transcribe(host *cli.Host) error {
	name := os.Getenv(transcriptVariable)
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	host.Out, host.Err = io.MultiWriter(host.Out, file), io.MultiWriter(host.Err, file)
	return nil
}

// The programs that pawl starts come first in its PATH as a script that keeps their
// arguments, and the tokens that their environment has, in a file outside of the
// test script's own directory. Arguments are for every user of a machine to see.
const (
	programsVariable  = "PAWL_TEST_PROGRAMS"  // the folder
	argumentsVariable = "PAWL_TEST_ARGUMENTS" // the file
)

// recorder is that script. Only git credential has tokens in its environment: the
// helpers that it asks may need them.
const recorder = `#!/bin/sh
name=${0##*/}
printf '%s ' "$name" "$@" >>"$PAWL_TEST_ARGUMENTS"
rest=${PATH#*:}
case " $* " in
*" credential fill "*) PATH=$rest ;;
*) printf '%s ' "$GH_TOKEN" "$GITHUB_TOKEN" "$GH_ENTERPRISE_TOKEN" "$GITHUB_ENTERPRISE_TOKEN" "$PAWL_APP_PRIVATE_KEY" >>"$PAWL_TEST_ARGUMENTS" ;;
esac
echo >>"$PAWL_TEST_ARGUMENTS"
exec "$(PATH=$rest command -v "$name")" "$@"
`

// recordPrograms makes the folder for a script.
func recordPrograms(env *testscript.Env) error {
	folder, arguments := env.WorkDir+".programs", env.WorkDir+".arguments"
	env.Defer(func() { _, _ = os.RemoveAll(folder), os.Remove(arguments) })
	env.Setenv(programsVariable, folder)
	env.Setenv(argumentsVariable, arguments)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"git", "gpg", "ssh", "ssh-keygen", "sh"} {
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(recorder), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// startRecorded has this process start the recorded programs. A script that hides
// git goes without.
func startRecorded() error {
	folder := os.Getenv(programsVariable)
	if _, err := exec.LookPath("git"); err != nil || folder == "" {
		return nil
	}
	return os.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// masking is how a job's runner is told what to hide: the one place for a token.
var masking = regexp.MustCompile(`(?m)^::add-mask::.*$`)

// leaks looks for the server's tokens in all that is left of a script.
func leaks(ts *testscript.TestScript, server *githubtest.Server, repo *githubtest.Repository) []string {
	canaries := spellings(server.Tokens())
	var found []string
	look := func(where string, data []byte) {
		if slices.ContainsFunc(canaries, func(canary []byte) bool { return bytes.Contains(data, canary) }) {
			found = append(found, where)
		}
	}
	if printed, err := os.ReadFile(ts.Getenv(transcriptVariable)); err == nil {
		look("what was printed", masking.ReplaceAll(printed, nil))
	}
	if started, err := os.ReadFile(ts.Getenv(argumentsVariable)); err == nil {
		look("the arguments or the environment of a program", started)
	}
	for _, request := range server.Requests() {
		look("the URL of "+request.Method+" "+request.Path, []byte(request.Path+"?"+request.Query))
	}
	for _, pr := range repo.PullRequests(context.Background()) {
		look(fmt.Sprintf("pull request %d", pr.Number), []byte(pr.Title+pr.Body))
	}
	dir, err := repo.Dir(context.Background())
	ts.Check(err)
	objects, err := exec.Command("git", "-C", dir, "cat-file", "--batch-all-objects", "--batch").Output()
	ts.Check(err)
	look("the repository on the server", objects)
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || ownedByScript(name) {
			return err
		}
		data, err := os.ReadFile(name)
		look(name, data)
		return err
	}))
	return found
}

// spellings are the ways in which a token could be written.
func spellings(tokens []string) [][]byte {
	var all [][]byte
	for _, token := range tokens {
		credential := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
		for _, text := range []string{token, url.QueryEscape(token), base64.StdEncoding.EncodeToString([]byte(token)), credential} {
			all = append(all, []byte(strings.TrimRight(text, "=")))
		}
	}
	return all
}

// ownedByScript says whether scripts themselves put tokens into files of this name.
func ownedByScript(name string) bool {
	base := filepath.Base(name)
	return base == ".netrc" || base == ".gitconfig" || base == "runner.config" ||
		base == "config" && strings.HasSuffix(filepath.Dir(name), ".git")
}
