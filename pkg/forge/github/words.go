package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

// maxText bounds what of the service's words goes into an error.
const maxText = 2000

// words is the text of an error without the URL that go-github and net/http put
// in front.
func words(err error) string {
	var link *url.Error
	if answer := answerOf(err); answer != nil {
		return fmt.Sprintf("%s (%d%s)", clip(strings.Join(said(answer.Response), "; ")), answer.Response.StatusCode, requestID(answer.Response))
	}
	if errors.As(err, &link) {
		return clip(link.Err.Error())
	}
	return clip(err.Error())
}

// said is what an error answer says, a statement each. go-github has looked at
// the body and put it back.
func said(resp *http.Response) []string {
	fallback := []string{http.StatusText(resp.StatusCode)}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fallback
	}
	resp.Body = &content{bytes.NewReader(data), data}
	return statements(data, fallback)
}

// statements reads the message and the errors beside it, which are objects or
// plain strings.
func statements(data []byte, fallback []string) []string {
	var body struct {
		Message string            `json:"message"`
		Errors  []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(data, &body); err != nil && body.Message == "" {
		return fallback
	}
	var all []string
	if body.Message != "" {
		all = append(all, body.Message)
	}
	for _, raw := range body.Errors {
		if text := statement(raw); text != "" {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return fallback
	}
	return all
}

func statement(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var e gh.Error
	if json.Unmarshal(raw, &e) != nil {
		return ""
	}
	if e.Message != "" {
		return e.Message
	}
	return strings.TrimSpace(e.Resource + " " + e.Field + " " + e.Code)
}

// ruleHeader is the line above a list of violated rules. It says nothing that
// they do not.
var ruleHeader = regexp.MustCompile(`(?i)^(GH\d+: )?(repository rule violations found.*|validation failed)$`)

// reasons splits what the service said into one rule a line, verbatim.
func reasons(statements []string) []string {
	var headers, lines []string
	for _, text := range statements {
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
			switch {
			case line == "":
			case ruleHeader.MatchString(line):
				headers = append(headers, clip(line))
			default:
				lines = append(lines, clip(line))
			}
		}
	}
	if len(lines) == 0 {
		return headers
	}
	return lines
}

// clip bounds a text that others wrote.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
