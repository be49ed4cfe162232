package invoke

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	namePattern      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	qualifierPattern = regexp.MustCompile(`^[$A-Za-z0-9_-]{1,129}$`)  // a version, an alias, $LATEST
	partitionPattern = regexp.MustCompile(`^aws(-[a-z]{1,16}){0,3}$`) // aws, aws-cn, aws-us-gov, aws-iso-b
	accountPattern   = regexp.MustCompile(`^[0-9]{1,12}$`)
	regionPattern    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
)

// reference is a function's name as AWS Lambda takes it: "name", "name:qualifier", "account:function:name", or the ARN
// "arn:aws:lambda:region:account:function:name[:qualifier]" (AWS Lambda API reference, Invoke, FunctionName).
type reference struct {
	name   string
	region string // of an ARN; else ""
	arn    string // the whole ARN; else ""
}

func parseReference(s string) (reference, error) {
	parts := strings.Split(s, ":")
	if parts[0] == "arn" {
		r := reference{arn: s}
		if len(parts) < 7 || !partitionPattern.MatchString(parts[1]) || parts[2] != "lambda" || !regionPattern.MatchString(parts[3]) || !r.read(parts[4:]) {
			return reference{}, fmt.Errorf("%q is not the ARN of a Lambda function", s)
		}
		r.region = parts[3]
		return r, nil
	}
	var r reference
	if !r.read(parts) {
		return reference{}, fmt.Errorf("%q is neither the ARN nor the name of a Lambda function", s)
	}
	return r, nil
}

// read reads [account "function"] name [qualifier].
func (r *reference) read(parts []string) bool {
	if len(parts) > 2 || r.arn != "" {
		if len(parts) < 3 || !accountPattern.MatchString(parts[0]) || parts[1] != "function" {
			return false
		}
		parts = parts[2:]
	}
	r.name = parts[0]
	return namePattern.MatchString(r.name) && (len(parts) == 1 || len(parts) == 2 && qualifierPattern.MatchString(parts[1]))
}
