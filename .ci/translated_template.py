"""Writes what CloudFormation will be given for template.yaml: SAM's shorthands resolved, as JSON.

A linter that does not know SAM sees the roles, permissions and rules that SAM makes only there.
"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no policy of AWS's, so nobody has to be asked for their addresses."""

    def load(self):
        return {}


with open("template.yaml", encoding="utf-8") as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # SAM wants code that is uploaded already; `sam deploy` fills this in.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(transform(template, {}, NoManagedPolicies()), file, indent=1)
