package config

// ImageField is an explicit field in one file.
type ImageField struct {
	Repository string // the image whose version the field holds
	Path       string // the keys that lead to it
}

// FieldsIn returns the explicit fields that a file holds.
func FieldsIn(images []Image, file string) []ImageField {
	var fields []ImageField
	for _, image := range images {
		for _, field := range image.Fields {
			if field.Match(file) {
				fields = append(fields, ImageField{Repository: image.Repository, Path: field.Path})
			}
		}
	}
	return fields
}
