package invoke

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	regionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
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
	switch {
	case parts[0] == "arn":
		if len(parts) < 7 || len(parts) > 8 || parts[2] != "lambda" || parts[5] != "function" ||
			!regionPattern.MatchString(parts[3]) || !namePattern.MatchString(parts[6]) {
			return reference{}, fmt.Errorf("%q is not the ARN of a Lambda function", s)
		}
		return reference{name: parts[6], region: parts[3], arn: s}, nil
	case len(parts) >= 3 && len(parts) <= 4 && parts[1] == "function" && namePattern.MatchString(parts[2]):
		return reference{name: parts[2]}, nil
	case len(parts) <= 2 && namePattern.MatchString(parts[0]):
		return reference{name: parts[0]}, nil
	}
	return reference{}, fmt.Errorf("%q is neither the ARN nor the name of a Lambda function", s)
}
