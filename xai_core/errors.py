"""The one family of errors: each carries a sentence that its reader can act on."""


class XaiError(Exception):
    """Something the user can mend; ``str(error)`` is a full sentence without jargon."""


class ImageError(XaiError):
    """A picture that cannot be read, or must not be."""


class ModelError(XaiError):
    """A model, checkpoint, layer or class that cannot be used."""


class UnknownClassError(ModelError):
    """A word that names no class of the model."""


class MethodError(XaiError):
    """An attribution method that is unknown, wrongly set, or undefined on this model."""


class MapError(MethodError):
    """A map computed elsewhere that cannot be read, or does not fit its picture."""


class DeviceError(XaiError):
    """A graphics card that is not there, or cannot compute what is asked."""


class DeviceMemoryError(DeviceError):
    """A graphics card with too little memory, which may have more at another time."""


class DataError(XaiError):
    """A data set whose files are not where, or what, they should be."""


class JobError(XaiError):
    """A computation that ended without its result."""


class AccessError(XaiError):
    """Someone may not do this, or not yet."""


class SessionError(XaiError):
    """A working session that cannot be opened, kept or extended as asked."""


class StudyError(XaiError):
    """A user study, or a step of one, that is not possible as asked."""


class StudyUnavailableError(StudyError):
    """The studies' database cannot be reached now; nothing was lost, and it may work again soon."""
