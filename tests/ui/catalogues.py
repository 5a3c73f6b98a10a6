# SPDX-License-Identifier: Apache-2.0
"""catalogues.py ROOT: whether every sentence of the window can be translated, and is.

Reads the sources as a translator's tools do (xgettext), so a sentence that is shown but not marked, a file
that POTFILES lacks and a catalogue that fell behind are each an error. TAP.
"""

import os
import re
import subprocess
import sys
import tempfile

LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')
MARKED = re.compile(r'(?<![A-Za-z0-9_])(?:N?_ \(|g_dngettext \(GETTEXT_PACKAGE,|"[^"\n]*",)\s*$')
# What is never shown in the window: the console, file names, actions, XML that is made, units alone.
SPOKEN_TO_NOBODY = re.compile(r"(?:g_error|g_message|g_warning|g_debug|g_print|g_printerr|_printerr) \([^;]*$")
UNITS = {"mm", "ml", "px", "cm", "mb", "gb", "kb", "min", "dice", "dicom", "csv", "sagitta", "sr", "file", "folder", "or"}
SHOWN = ("label", "title", "subtitle", "tooltip-text", "placeholder-text", "description")


def bare_sentences(path):
    """Literals of two words or more that no gettext macro stands before."""
    source = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), open(path, encoding="utf-8").read(), flags=re.S)
    source = re.sub(r"^#include.*$", "", source, flags=re.M)
    for match in LITERALS.finditer(source):
        text = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', match.group(0)))
        words = re.findall(r"[A-Za-z]{2,}", re.sub(r"%[-+ #0-9.*]*(?:l|h|z)*[a-zA-Z%]|\\[nt]", " ", text))
        if " " not in text or not [w for w in words if w.lower() not in UNITS] or re.match(r"^\s*[<'a-z-]+\.?[a-z.]*$|^<|^ *\w+\.\w+(\.\w+)?$|[<>]|^.?[a-z]+='", text):
            continue
        before = source[: match.start()]
        statement = before[max(before.rfind(";"), before.rfind("{"), before.rfind("}")) + 1 :]
        line = before[before.rfind("\n") + 1 :]
        if re.match(r'\s*\{ "[^"]+", N_ \(', line):
            continue  # the keys of a command
        if MARKED.search(before) or "g_dngettext" in statement or SPOKEN_TO_NOBODY.search(statement):
            continue
        yield f"{path}:{before.count(chr(10)) + 1}: {text}"


def unmarked_properties(path):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        match = re.search(r'<(?:property|attribute) name="([a-z-]+)"(?![^>]*translatable)[^>]*>([^<]*[A-Za-z]{3}[^<]*)<', line)
        if match and match.group(1) in SHOWN and match.group(2) not in ("Sagitta", "FP32", "BF16", "INT8", "INT4"):
            yield f"{path}:{number}: {match.group(2)}"
        if re.search(r"<item>[^<]*[A-Za-z]", line):
            yield f"{path}:{number}: {line.strip()}"


def make_template(potfiles, to):
    subprocess.run(
        ["xgettext", "--from-code=UTF-8", "--add-comments", "--keyword=_", "--keyword=N_", "--keyword=g_dngettext:2,3",
         "--flag=g_dngettext:2:pass-c-format", "--flag=_:1:pass-c-format", "--flag=N_:1:pass-c-format",
         "--flag=g_strdup_printf:1:c-format", "--flag=g_string_append_printf:2:c-format", "-o", to, *potfiles], check=True)


def count(command):
    """Messages that a filter leaves, without the header."""
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [m for m in re.findall(r'^msgid (".*(?:\n".*")*)', text, flags=re.M) if m != '""']


def main():
    os.chdir(sys.argv[1])
    os.environ["LC_ALL"] = "C.UTF-8"
    folder = "resources/po"
    potfiles = open(f"{folder}/POTFILES").read().split()
    languages = open(f"{folder}/LINGUAS").read().split()
    sources = [f"ui/{name}" for name in sorted(os.listdir("ui"))]
    results = []

    def check(name, problems):
        results.append(not problems)
        print(f"{'not ok' if problems else 'ok'} {len(results)} - {name}")
        for problem in problems:
            print(f"# {problem}")

    check("no sentence of the window is bare",
          [p for path in sources if path.endswith(".c") for p in bare_sentences(path)]
          + [p for path in sources if path.endswith(".ui") for p in unmarked_properties(path)])
    marked = [os.path.join(at, name) for at in ("ui", "app/state", "app/work", "app/dicom", "app/files", "app/plugin", "engine/segment") for name in sorted(os.listdir(at))
              if name.endswith((".c", ".cpp", ".ui"))
              and re.search(r'(?<![A-Za-z0-9_])N?_ \("|g_dngettext|translatable="yes"', open(os.path.join(at, name), encoding="utf-8").read())]
    check("POTFILES names every file that has words", sorted(set(marked) ^ {p for p in potfiles if not p.startswith("resources/")}))
    with tempfile.TemporaryDirectory() as scratch:
        template = os.path.join(scratch, "sagitta.pot")
        make_template(potfiles, template)
        wanted = len(count(["msgattrib", "--no-wrap", template]))
        check("there are words", [] if wanted > 300 else [f"{wanted} only"])
        for language in languages:
            catalogue, merged = f"{folder}/{language}.po", os.path.join(scratch, "merged.po")
            checked = subprocess.run(["msgfmt", "--check", "--statistics", "-o", "/dev/null", catalogue], capture_output=True, text=True)
            print(f"# {language}: {checked.stderr.strip().splitlines()[-1]}")
            check(f"{language}: formats agree", [] if checked.returncode == 0 else checked.stderr.splitlines())
            subprocess.run(["msgmerge", "-q", "--no-fuzzy-matching", "-o", merged, catalogue, template], check=True)
            check(f"{language}: every sentence is translated", count(["msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", merged]))
            check(f"{language}: none is a guess", count(["msgattrib", "--only-fuzzy", "--no-obsolete", "--no-wrap", catalogue]))
            check(f"{language}: none is of yesterday", count(["msgattrib", "--only-obsolete", "--no-wrap", merged]))
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
