package digest

// Expected gives the hash that credentials must bear, for the vectors.
func (c Credentials) Expected(password, method string) string { return c.response(password, method) }
