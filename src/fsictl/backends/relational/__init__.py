"""What is known of model versions in a relational database: SQLite or PostgreSQL, through SQLAlchemy."""
