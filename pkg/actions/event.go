package actions

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// page is the address of the run; empty outside a job.
func page(getenv func(string) string) string {
	server, repository, run := getenv("GITHUB_SERVER_URL"), getenv("GITHUB_REPOSITORY"), getenv("GITHUB_RUN_ID")
	if getenv("GITHUB_ACTIONS") != "true" || server == "" || repository == "" || strings.Trim(run, "0123456789") != "" || run == "" {
		return ""
	}
	return fmt.Sprintf("%s/%s/actions/runs/%s", strings.TrimRight(server, "/"), repository, run)
}

// Page is the address of the run, where its log and its summary are; empty
// outside a job.
func (r Runner) Page() string { return r.page }

// event is the part of an event that pawl reads. Others decide what is in it.
// https://docs.github.com/webhooks/webhook-events-and-payloads
type event struct {
	Action      string `json:"action"`
	PullRequest struct {
		Number int `json:"number"`
	} `json:"pull_request"`
	Issue struct {
		Number      int             `json:"number"`
		PullRequest json.RawMessage `json:"pull_request"`
	} `json:"issue"`
	Comment *struct {
		ID   int64   `json:"id"`
		Body string  `json:"body"`
		User account `json:"user"`
	} `json:"comment"`
	Sender     account `json:"sender"`
	Repository struct {
		Name string `json:"full_name"`
	} `json:"repository"`
}

type account struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

// onPullRequest says whether the issue of a comment is a pull request, which
// GitHub tells by a field that other issues lack.
func (e event) onPullRequest() bool {
	return e.Issue.Number > 0 && len(e.Issue.PullRequest) > 0 && string(e.Issue.PullRequest) != "null"
}

// readEvent reads the event that started the run; false when there is none.
func (r Runner) readEvent() (event, bool, error) {
	var e event
	if r.event == "" {
		return e, false, nil
	}
	data, err := os.ReadFile(r.event)
	if errors.Is(err, os.ErrNotExist) {
		return e, false, nil
	}
	if err != nil {
		return e, false, fmt.Errorf("reading the event of the run: %w", err)
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, false, fmt.Errorf("reading the event of the run: %w", err)
	}
	return e, true, nil
}

// pullRef is GITHUB_REF of a run that a pull request started.
// https://docs.github.com/actions/reference/workflows-and-actions/variables
var pullRef = regexp.MustCompile(`^refs/pull/([1-9][0-9]{0,9})/(merge|head)$`)

// PullRequest returns the number of the pull request that the run is about, from
// its event or else its ref, or false when it is about none.
func (r Runner) PullRequest() (int, bool, error) {
	e, _, err := r.readEvent()
	switch {
	case err != nil:
		return 0, false, err
	case e.PullRequest.Number > 0:
		return e.PullRequest.Number, true, nil
	case e.onPullRequest():
		return e.Issue.Number, true, nil
	}
	if match := pullRef.FindStringSubmatch(r.ref); match != nil {
		number, err := strconv.Atoi(match[1])
		return number, err == nil, err
	}
	return 0, false, nil
}

// Comment is a comment, as the event of a run tells of it. Every field is what
// somebody else wrote or did.
type Comment struct {
	Repository    string // owner/name
	Number        int    // of the issue or pull request
	OnPullRequest bool
	Created       bool // the event is that it was created; not edited, not deleted
	ID            int64
	Author        string // login
	Sender        string // login of who caused the event
	Bot           bool   // either of them is an app
	Body          string
}

// Comment returns the comment that started the run, or false when something else
// did.
func (r Runner) Comment() (Comment, bool, error) {
	e, ok, err := r.readEvent()
	if err != nil || !ok || e.Comment == nil || e.Issue.Number <= 0 {
		return Comment{}, false, err
	}
	return Comment{
		Repository: e.Repository.Name, Number: e.Issue.Number, OnPullRequest: e.onPullRequest(),
		Created: e.Action == "created", ID: e.Comment.ID, Body: e.Comment.Body,
		Author: e.Comment.User.Login, Sender: e.Sender.Login, Bot: e.Comment.User.isBot() || e.Sender.isBot(),
	}, true, nil
}

func (a account) isBot() bool { return a.Type != "User" || strings.HasSuffix(a.Login, "[bot]") }
