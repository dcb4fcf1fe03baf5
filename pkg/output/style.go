package output

// Style is how text is dressed. The zero value is plain. Nothing depends on
// color: the words say the same without it.
type Style struct {
	Color bool
}

// Bold makes text stand out.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim makes text step back.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for what went wrong.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green is for what is done.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow is for what waits.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan is for positions and commands.
func (s Style) Cyan(text string) string { return s.paint("36", text) }

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
