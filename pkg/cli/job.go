package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getpawl/pawl/pkg/bump"
)

// pipeline says in which variables a CI service tells a job who it is.
type pipeline struct {
	active     string   // set in every job of the service
	identity   []string // the run and the job in it: the same when the run is started again
	number     string   // counts the runs of one source
	source     []string // who counts
	repository string   // the repository that is built, as OWNER/NAME
	commit     string
	run        string // the web address of the run
}

// pipelines are the services that pawl knows.
//
//	https://docs.github.com/actions/reference/workflows-and-actions/variables
//	https://docs.gitlab.com/ci/variables/predefined_variables/
//	https://buildkite.com/docs/pipelines/configure/environment-variables
//	https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
func pipelines() []pipeline {
	return []pipeline{
		{
			active:   "GITHUB_ACTIONS",
			identity: []string{"GITHUB_REPOSITORY", "GITHUB_WORKFLOW", "GITHUB_RUN_ID", "GITHUB_JOB"},
			number:   "GITHUB_RUN_NUMBER", source: []string{"GITHUB_WORKFLOW_REF"},
			repository: "GITHUB_REPOSITORY", commit: "GITHUB_SHA",
		},
		{
			active:   "GITLAB_CI",
			identity: []string{"CI_PROJECT_PATH", "CI_PIPELINE_ID", "CI_JOB_NAME"},
			number:   "CI_PIPELINE_IID", source: []string{"CI_PROJECT_PATH"},
			repository: "CI_PROJECT_PATH", commit: "CI_COMMIT_SHA", run: "CI_PIPELINE_URL",
		},
		{
			active:   "BUILDKITE",
			identity: []string{"BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_ID"},
			number:   "BUILDKITE_BUILD_NUMBER", source: []string{"BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG"},
			run: "BUILDKITE_BUILD_URL",
		},
		{
			active:   "JENKINS_URL",
			identity: []string{"JENKINS_URL", "JOB_NAME", "BUILD_NUMBER"},
			number:   "BUILD_NUMBER", source: []string{"JOB_NAME"},
			run: "BUILD_URL",
		},
	}
}

// values reads variables; nil when one of them is not set.
func (a *app) values(names []string) []string {
	var list []string
	for _, name := range names {
		value := a.host.Getenv(name)
		if value == "" {
			return nil
		}
		list = append(list, value)
	}
	return list
}

// job says which run of which pipeline this is: from the flags, else from the
// variables of the CI service, else it is a person. What tells the bump apart from
// others of the same job is given by what.
func (a *app) job(flags bumpFlags, config string, what []string) bump.Job {
	var job bump.Job
	for _, service := range pipelines() {
		if active := a.host.Getenv(service.active); active != "" && active != "false" {
			job = a.jobOf(service, config, what)
			break
		}
	}
	if flags.given["key"] {
		job.Key, job.First = strings.TrimSpace(flags.key), false
	}
	if flags.given["sequence"] {
		job.Sequence = bump.Sequence{Number: flags.sequence}
	}
	if flags.given["source"] {
		job.Source = strings.TrimSpace(flags.source)
	}
	return job
}

func (a *app) jobOf(service pipeline, config string, what []string) bump.Job {
	var job bump.Job
	if identity := a.values(service.identity); identity != nil {
		job.Key = digest(append(identity, what...))
	}
	source := strings.Join(a.values(service.source), "/")
	// owner/name/.github/workflows/release.yml@refs/heads/main: the same file counts
	// on every branch.
	source, _, _ = strings.Cut(source, "@")
	if number, err := strconv.ParseUint(a.host.Getenv(service.number), 10, 64); err == nil && source != "" {
		job.Sequence = bump.Sequence{Number: number, Source: source}
	}
	repository := a.host.Getenv(service.repository)
	if commit := a.host.Getenv(service.commit); repository != "" && commit != "" && !strings.EqualFold(repository, config) {
		job.Source = repository + "@" + commit
	}
	if job.Run = a.host.Getenv(service.run); service.active == "GITHUB_ACTIONS" {
		job.First = a.host.Getenv("GITHUB_RUN_ATTEMPT") == "1"
		job.Run = fmt.Sprintf("%s/%s/actions/runs/%s", a.server(), repository, a.host.Getenv("GITHUB_RUN_ID"))
	}
	return job
}

// digest makes a short name of several texts.
func digest(texts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// what lists what a bump does, for its key: the order of the images on the command
// line does not matter.
func (f bumpFlags) what(request bump.Request) []string {
	var settings []string
	for _, setting := range request.Settings {
		settings = append(settings, setting.String())
	}
	slices.Sort(settings)
	list := append([]string{f.env, f.branch}, settings...)
	return append(append(list, f.fields...), f.files...)
}
