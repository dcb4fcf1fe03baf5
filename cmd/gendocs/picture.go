package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getpawl/pawl/pkg/demo"
)

// picture is a terminal in which commands were run: a file, and what led there. The
// lines are acts of [demo.World.Act] or commands, which begin with "$ "; the output of
// the last one shows.
type picture struct {
	file, title string
	lines       []string
}

func terminalPictures() []picture {
	release := []string{
		"wait 74h", "$ pawl bump ghcr.io/acme/api:1.4.2 --env dev --push", "$ pawl promote staging", "check dev ci/test",
		"wait 35m", "$ pawl merge staging", "wait 3h", "$ pawl promote production", "check staging flux/staging/apps",
	}
	return []picture{
		{"docs/images/status.svg", "pawl status: images by environment, what each environment waits for, the command to type next",
			append(release, "$ pawl bump ghcr.io/acme/web:2.1.0 --env dev --push", "wait 12m", "$ pawl promote staging", "$ pawl status --color=always")},
	}
}

// pictures draws them all, each in a fresh repository.
func pictures(ctx context.Context, files map[string][]byte) error {
	for _, p := range terminalPictures() {
		text, err := p.play(ctx)
		if err != nil {
			return fmt.Errorf("drawing %s: %w", p.file, err)
		}
		drawn, err := drawTerminal(p.title, text)
		if err != nil {
			return fmt.Errorf("drawing %s: %w", p.file, err)
		}
		files[p.file] = drawn
	}
	return nil
}

// play returns what the terminal shows.
func (p picture) play(ctx context.Context) (text string, err error) {
	world, err := demo.Open(ctx, "", time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	for _, line := range p.lines {
		if !strings.HasPrefix(line, "$ ") {
			if err := world.Act(ctx, line); err != nil {
				return "", err
			}
			continue
		}
		out, err := command(ctx, world, line)
		if err != nil {
			return "", err
		}
		text = strings.TrimSuffix(line, " --color=always") + "\n" + out
	}
	return text, nil
}

// The measures of the picture, in pixels: of a character, a line, and the border.
const (
	charWidth  = 8.4
	lineHeight = 20
	border     = 16
)

// sgr is an escape sequence for colors, as package output writes them.
var sgr = regexp.MustCompile("\x1b\\[([0-9]+)m")

// styleOf is how a code of package output looks, as an attribute.
func styleOf(code string) (string, error) {
	styles := map[string]string{"0": "", "1": "b", "2": "d", "31": "r", "32": "g", "33": "y", "36": "c"}
	class, ok := styles[code]
	switch {
	case !ok:
		return "", fmt.Errorf("the color code %s is not known", code)
	case class == "":
		return "", nil
	}
	return ` class="` + class + `"`, nil
}

// drawTerminal makes an SVG of the text of a terminal. Every piece is put at its
// column, and as wide as its characters, so that it looks the same with any font.
func drawTerminal(title, text string) ([]byte, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	columns := 0
	for _, line := range lines {
		columns = max(columns, utf8.RuneCountInString(sgr.ReplaceAllString(line, "")))
	}
	width, height := int(float64(columns)*charWidth)+2*border+1, len(lines)*lineHeight+2*border
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>%s</title>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d1d7e0 }
.b { font-weight: bold; fill: #f0f6fc } .d { fill: #9198a1 } .r { fill: #ff7b72 } .g { fill: #56d364 } .y { fill: #e3b341 } .c { fill: #56d4dd }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#151b23"/>
`, width, height, escapeXML(title))
	for i, line := range lines {
		if err := drawLine(&b, line, border+i*lineHeight+lineHeight*3/4); err != nil {
			return nil, err
		}
	}
	b.WriteString("</svg>\n")
	return []byte(b.String()), nil
}

// words are text without the wide gaps, which not every viewer keeps.
var words = regexp.MustCompile(`\S+( \S+)*`)

// drawLine writes the pieces of a line, between one color code and the next.
func drawLine(b *strings.Builder, line string, y int) error {
	class, column, start := "", 0, 0
	ends := append(sgr.FindAllStringSubmatchIndex(line, -1), []int{len(line), len(line)})
	for _, end := range ends {
		piece := line[start:end[0]]
		if strings.ContainsFunc(piece, func(r rune) bool { return r < ' ' }) {
			return fmt.Errorf("%q is more than text and colors", line)
		}
		for _, at := range words.FindAllStringIndex(piece, -1) {
			text := piece[at[0]:at[1]]
			x := border + float64(column+utf8.RuneCountInString(piece[:at[0]]))*charWidth
			fmt.Fprintf(b, `<text%s x="%.1f" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
				class, x, y, float64(utf8.RuneCountInString(text))*charWidth, escapeXML(text))
		}
		column += utf8.RuneCountInString(piece)
		start = end[1]
		if len(end) == 4 {
			var err error
			if class, err = styleOf(line[end[2]:end[3]]); err != nil {
				return err
			}
		}
	}
	return nil
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
