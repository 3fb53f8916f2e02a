"""The table of sealed secrets."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from towpath.kit.db import Base


class SecretRow(Base):
    """One secret, sealed. `subject` says whose it is: an entity ref, then `@environment` or `#resource` when narrower."""

    __tablename__ = "secret"
    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    name: Mapped[str]
    kek_id: Mapped[str]
    wrapped_key: Mapped[bytes]
    ciphertext: Mapped[bytes]
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("subject", "name"), Index("ix_secret_kek_id", "kek_id"))
