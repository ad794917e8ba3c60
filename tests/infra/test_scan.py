"""The scan of the templates finds what it is there for, and what checkov itself passes over."""

import json
from pathlib import Path
from typing import Any

from tests.infra.scan import CHECKOV, found, scan

SOUND = """
resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'stexample'
  kind: 'StorageV2'
  sku: {
    name: 'Standard_GRS'
  }
  properties: {
    allowBlobPublicAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      defaultAction: 'Deny'
      bypass: 'AzureServices'
    }
  }
}
"""
OLD_TLS = SOUND.replace("'TLS1_2'", "'TLS1_0'")


def test_a_folder_with_every_kind_of_fault(tmp_path: Path) -> None:
    assert CHECKOV.exists(), "Run `make lint` once: it installs checkov into .scan."
    (tmp_path / "sound.bicep").write_text(SOUND)
    (tmp_path / "old.bicep").write_text(OLD_TLS)
    (tmp_path / "broken.bicep").write_text("resource x '\n")
    (tmp_path / "silent.bicep").write_text("// checkov:skip=CKV_AZURE_44\nvar a = 1\n")
    (tmp_path / "told.bicep").write_text("// checkov:skip=CKV_AZURE_44:An old device\nvar a = 1\n")
    problems = scan(tmp_path)
    assert any("CKV_AZURE_44" in problem and "/old.bicep" in problem for problem in problems)
    assert any(problem.endswith("broken.bicep: cannot be parsed") for problem in problems)
    assert "silent.bicep: CKV_AZURE_44 is suppressed without a reason" in problems
    assert not [problem for problem in problems if "told" in problem or "sound" in problem]


def test_a_template_that_checkov_breaks_down_on_is_not_taken_for_sound(tmp_path: Path) -> None:
    (tmp_path / "old.bicep").write_text(OLD_TLS)
    (tmp_path / "typed.bicep").write_text(
        "param ids string[]\nresource r 'Microsoft.Authorization/roleAssignments@2022-04-01' = [\n"
        "  for id in ids: {\n    name: id\n  }\n]\n"
    )
    problems = scan(tmp_path)
    assert "checkov scanned nothing" in problems
    assert any("[ERROR]" in problem for problem in problems)


def test_a_scan_of_nothing_is_no_success() -> None:
    nothing: dict[str, Any] = {
        "results": {"parsing_errors": [], "failed_checks": []},
        "summary": {"resource_count": 0},
    }
    assert list(found(json.dumps(nothing))) == ["checkov found no resource"]
    assert list(found("")) == ["checkov scanned nothing"]
    nothing["summary"]["resource_count"] = 1
    assert list(found(json.dumps(nothing))) == []
