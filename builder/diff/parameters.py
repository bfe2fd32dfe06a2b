"""Compare the input of a step: whatever a caller gave must still be taken, and mean the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from builder.diff.json_values import identity, same_json
from builder.diff.model import ChangeKind, InterfaceChange
from builder.diff.schema_subset import Covers, covers, without_texts
from registry.formats.json_text import escape_pointer
from registry.formats.model import JsonValue, Parameter, ParameterType
from registry.formats.parameter_schema import parameters_schema
from registry.names import StepName

_P = ParameterType
# Types that another one takes the place of, if its values are all taken. A file is a text with a
# meaning; so a text may stand for any file, and a file not for any text.
_WIDER = {
    _P.FILE: {_P.STRING},
    _P.DIRECTORY: {_P.STRING},
    _P.SELECT: {_P.STRING, _P.NUMBER, _P.BOOLEAN},
    _P.MULTISELECT: {_P.ARRAY},
}
_NOTHING = msgspec.UNSET


def parameters_changes(
    step: StepName, old: Mapping[str, Parameter], new: Mapping[str, Parameter]
) -> Iterator[InterfaceChange]:
    """The changes between two sets of parameters."""
    for name, parameter in old.items():
        if name not in new:
            yield InterfaceChange(
                kind=ChangeKind.PARAMETER_REMOVED,
                step=step,
                pointer=_pointer(name),
                message="a parameter was removed",
                before=parameter.type.value,
            )
        elif not _same(parameter, new[name]):
            yield from _Pair(step=step, name=name, old=parameter, new=new[name]).changes()
    for name, parameter in new.items():
        if name not in old:
            yield _added(step, name, parameter)


def _same(old: Parameter, new: Parameter) -> bool:
    # Python takes True for 1, which JSON does not.
    return (
        old == new and same_json(old.default, new.default) and same_json(old.options, new.options)
    )


def _accepted(parameter: Parameter) -> JsonValue:
    """The JSON Schema of the parameter's values."""
    return without_texts(parameters_schema({"value": parameter})["properties"]["value"])


def _pointer(name: str) -> str:
    return f"/parameters/{escape_pointer(name)}"


def _added(step: StepName, name: str, parameter: Parameter) -> InterfaceChange:
    must = not _may_be_left_out(parameter)
    what = "a required parameter without a default was added" if must else "a parameter was added"
    return InterfaceChange(
        kind=ChangeKind.REQUIRED_PARAMETER_ADDED if must else ChangeKind.PARAMETER_ADDED,
        step=step,
        pointer=_pointer(name),
        message=what,
        after=parameter.type.value,
    )


def _may_be_left_out(parameter: Parameter) -> bool:
    return not parameter.required or parameter.default is not _NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """One parameter in two releases."""

    step: StepName
    name: str
    old: Parameter
    new: Parameter

    def changes(self) -> Iterator[InterfaceChange]:
        found = False
        for part in (self._necessity, self._default, self._values, self._words):
            for change in part():
                found = True
                yield change
        if not found:
            yield self._change(ChangeKind.FORM_CHANGED, "", "a parameter is written in another way")

    def _change(
        self,
        kind: ChangeKind,
        where: str,
        message: str,
        before: JsonValue | msgspec.UnsetType = _NOTHING,
        after: JsonValue | msgspec.UnsetType = _NOTHING,
    ) -> InterfaceChange:
        pointer = _pointer(self.name) + where
        return InterfaceChange(
            kind=kind, step=self.step, pointer=pointer, message=message, before=before, after=after
        )

    def _necessity(self) -> Iterator[InterfaceChange]:
        old, new = self.old.required, self.new.required
        if old != new:
            kind = ChangeKind.PARAMETER_REQUIRED if new else ChangeKind.PARAMETER_OPTIONAL
            message = f"a parameter {'became' if new else 'is no longer'} required"
            yield self._change(kind, "/required", message, old, new)

    def _default(self) -> Iterator[InterfaceChange]:
        """Compare the defaults: they matter only where callers could leave it out."""
        old, new = self.old.default, self.new.default
        if same_json(old, new):
            return
        if not _may_be_left_out(self.old):
            message = "a parameter that had to be given got a default"
            yield self._change(ChangeKind.DEFAULT_ADDED, "/default", message, after=new)
            return
        message = "the default changed"
        if old is _NOTHING:
            message = "a parameter that may be left out got a default"
        elif new is _NOTHING:
            message = "the default was removed"
        yield self._change(ChangeKind.DEFAULT_CHANGED, "/default", message, old, new)

    def _values(self) -> Iterator[InterfaceChange]:
        old, new = self.old, self.new
        if old.type is not new.type and new.type not in _WIDER.get(old.type, ()):
            message = "a parameter has another type"
            kind = ChangeKind.PARAMETER_TYPE_CHANGED
            yield self._change(kind, "/type", message, old.type.value, new.type.value)
            return
        told = list(self._options()) if old.options and new.options else []
        yield from told
        before, after = _accepted(old), _accepted(new)
        if same_json(before, after) and old.type is new.type:
            return
        taken = covers(after, before)
        if taken is not Covers.YES:
            if not any(change.kind is ChangeKind.OPTION_REMOVED for change in told):
                yield self._narrowed(taken)
        elif not told and (old.type is not new.type or covers(before, after) is not Covers.YES):
            yield self._where(ChangeKind.PARAMETER_WIDENED, "a parameter takes more than before")

    def _options(self) -> Iterator[InterfaceChange]:
        before = {identity(option): option for option in self.old.options}
        after = {identity(option): option for option in self.new.options}
        for key, option in before.items():
            if key not in after:
                message = "an option was removed"
                yield self._change(ChangeKind.OPTION_REMOVED, "/options", message, before=option)
        for key, option in after.items():
            if key not in before:
                message = "an option was added"
                yield self._change(ChangeKind.OPTION_ADDED, "/options", message, after=option)

    def _narrowed(self, taken: Covers) -> InterfaceChange:
        if taken is Covers.NO:
            return self._where(ChangeKind.PARAMETER_NARROWED, "a parameter takes less than before")
        message = "what a parameter takes changed and cannot be compared: treated as major"
        return self._where(ChangeKind.PARAMETER_INCOMPARABLE, message)

    def _where(self, kind: ChangeKind, message: str) -> InterfaceChange:
        """A change of values, shown by the field that is behind it."""
        old, new = self.old, self.new
        if old.type is not new.type:
            return self._change(kind, "/type", message, old.type.value, new.type.value)
        if old.options and not new.options:
            return self._change(kind, "/options", message, before=list(old.options))
        if new.options and not old.options:
            return self._change(kind, "/options", message, after=list(new.options))
        return self._change(kind, "/validation", message, old.validation, new.validation)

    def _words(self) -> Iterator[InterfaceChange]:
        old, new = self.old, self.new
        if old.description != new.description:
            message = "a parameter's description changed"
            yield self._change(
                ChangeKind.TEXT_CHANGED, "/description", message, old.description, new.description
            )
        if old.secret != new.secret:
            message = (
                "a parameter is secret now" if new.secret else "a parameter is not secret any more"
            )
            yield self._change(ChangeKind.FORM_CHANGED, "/secret", message, old.secret, new.secret)
        if old.multiline != new.multiline:
            message = "how a form shows a parameter changed"
            yield self._change(
                ChangeKind.FORM_CHANGED, "/multiline", message, old.multiline, new.multiline
            )
