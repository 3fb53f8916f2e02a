"""The service ${{ values.name }}."""
